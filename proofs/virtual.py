"""Virtual time: an event loop that never waits, and a Plex without sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
import json
import selectors
from typing import Any

import requests
from urllib3.response import HTTPResponse

from custom_components.plexsync.engine.retry import Fault
from custom_components.plexsync.plex import classify
from custom_components.plexsync.plex.server import PlexMediaServer
from custom_components.plexsync.plex.session import PlexSession
from custom_components.plexsync.plex.transport import Call, MovedError, Tally, enter
from tests.simulators.plex import PlexCore
from tests.simulators.plex.faults import Faults
from tests.simulators.plex.messages import Request, Response

EPOCH = 1_800_000_000.0  # what the world's clocks show when a loop begins
_SERVER_IDLE = 20.0  # seconds after which Plex closes a kept connection
_TRANSIT = 0.005  # seconds that an answer takes


class _Selector(selectors.SelectSelector):
    """Where the loop would wait, the time goes by."""

    now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass; raises RuntimeError when nothing would ever happen."""
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time advances to the next timer whenever it is idle.

    Work for other threads is done at once, in this one.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Give the virtual seconds since the loop began."""
        return self._virtual.now

    def run_in_executor[T](  # type: ignore[override]  # typeshed's has TypeVarTuples
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do it now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # it belongs to the caller
            future.set_exception(error)
        return future


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run something in virtual time of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


class _VirtualTally(Tally):
    """The same account, by virtual time."""

    def __init__(self, idle: float, now: Callable[[], float]) -> None:
        super().__init__(idle)
        self._now = now

    def connected(self) -> None:
        if self._now() - self._heard > self.idle:
            self.broke()

    def heard(self) -> None:
        self._heard = self._now()

    def broke(self) -> None:
        self.generation += 1
        self._since = self._now()


class _Unsent(Exception):  # noqa: N818  # no error: the first half of a call
    """A call has come to the request that it would send."""

    def __init__(self, request: requests.PreparedRequest) -> None:
        super().__init__("unsent")
        self.request = request


class ResetError(ConnectionResetError):
    """The simulator closed the connection."""


@dataclass(slots=True)
class Sent:
    """One request that left, and what came of it."""

    at: float
    request: Request
    faulty: bool
    applied: bool = False


@dataclass(slots=True)
class Network:
    """The way to the simulated Plex; ``watch`` sees every request that got an end."""

    core: PlexCore
    faults: Faults
    watch: Callable[[float, Request | None, str], None] = lambda at, request, end: None
    applied: Callable[[Request], None] = lambda request: None
    attempts: int = 0
    requests: int = 0
    in_flight: int = 0
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set)
    _held: int = 0

    def connect(self) -> None:
        """Try one connection. Raises ConnectionRefusedError or ResetError."""
        self.attempts += 1
        if self.faults.refusing():
            raise ConnectionRefusedError
        if self.faults.resetting():
            raise ResetError

    async def carry(self, request: Request) -> Response:
        """Carry a request over an open connection; what it does, it does to its end."""
        self.requests += 1
        task = asyncio.ensure_future(self._serve(request))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Whoever gives up leaves the server at work: it may hold the write already.
        return await asyncio.shield(task)

    async def _serve(self, request: Request) -> Response:
        faults = self.faults
        self.in_flight += 1
        try:
            verdict = faults.judge(request, self.in_flight)
            await asyncio.sleep(_TRANSIT + verdict.delay)
            if faults.holds(verdict) and verdict.hold is not None:
                self._held += 1  # they leave in the order in which they came
                until = verdict.hold.end + self._held % 1000 * 1e-4
                while (left := until - self.core.clock()) > 0:
                    await asyncio.sleep(left)
            response = faults.answer(request, verdict)
            if verdict.apply and verdict.response is None and request.is_write:
                self.applied(request)
            if (ending := verdict.ending) is not None:
                if ending.kind == "hang":
                    await asyncio.sleep(ending.seconds or 1e6)
                raise ResetError
            return response
        finally:
            self.in_flight -= 1


class VirtualSession(PlexSession):
    """The session without threads and sockets: calls run on the loop itself.

    A call's work is done twice, the first time up to the request that it would
    send (before which it does nothing), the second time with the answer at hand.
    """

    def __init__(self, network: Network, *args: Any, **settings: Any) -> None:
        """Take the network; everything else as ``PlexSession``."""
        super().__init__(*args, **settings)
        self._loop = asyncio.get_running_loop()
        self._network = network
        self.tally = _VirtualTally(self.deadlines.idle, self._loop.time)
        self._idle: list[float] = []  # when each kept connection was last used
        self._answer: requests.Response | Fault | None = None
        self._open_calls: set[asyncio.Task[Any]] = set()
        self.dead = False  # the process was killed: nothing comes back

    async def call[T](
        self, work: Callable[[], T], *, deadline: float, probe: bool = False
    ) -> T:
        """Run ``work``, for ``deadline`` virtual seconds at most. Raises Fault."""
        call = Call(1e9, self.tally)
        try:
            return self._do(call, work, None)
        except _Unsent as unsent:
            request = unsent.request
        self.tally.requests -= 1  # it is counted when it is done
        answer = await self._exchange(call, request, deadline)
        return self._do(call, work, answer)

    def _do[T](
        self,
        call: Call,
        work: Callable[[], T],
        answer: requests.Response | Fault | None,
    ) -> T:
        self._answer = answer
        enter(call)
        try:
            return work()
        finally:
            enter(None)
            self._answer = None

    def _attempt(
        self, call: Call, request: requests.PreparedRequest
    ) -> tuple[requests.Response | Fault, bool]:
        if (answer := self._answer) is None:
            raise _Unsent(request)
        self._answer = None
        return answer, False

    async def _exchange(
        self, call: Call, request: requests.PreparedRequest, deadline: float
    ) -> requests.Response | Fault:
        wire = Request.build(
            request.method or "GET",
            request.path_url,
            dict(request.headers),
            request.body if isinstance(request.body, bytes) else b"",
        )
        now = self._loop.time
        try:
            async with asyncio.timeout(deadline):
                response = await self._send(call, wire)
        except (OSError, TimeoutError) as error:
            fault = classify.judge_error(error, ended=isinstance(error, TimeoutError))
            if fault.reason != classify.MOVED:
                self._network.watch(now(), wire, fault.reason)
            self._idle.clear()
            self.tally.broke()
            return fault
        self.tally.heard()
        self._idle.append(now())
        answer = _response(response)
        fault_or_none = classify.judge(
            answer.status_code,
            answer.headers,
            answer.content,
            write=wire.is_write,
        )
        self._network.watch(
            now(), wire, "" if fault_or_none is None else fault_or_none.reason
        )
        return answer

    async def _send(self, call: Call, wire: Request) -> Response:
        network, now = self._network, self._loop.time
        if network.faults.refusing() or network.faults.resetting():
            self._idle.clear()  # the process is gone, and its connections with it
        limit = min(self.deadlines.idle, _SERVER_IDLE)
        self._idle = [since for since in self._idle if now() - since <= limit]
        if self._idle:
            self._idle.pop()
        else:
            self.tally.attempts += 1
            network.connect()
            self.tally.connected()
        if call.generation not in (None, self.tally.generation):
            raise MovedError
        return await network.carry(wire)


def _response(answer: Response) -> requests.Response:
    headers = {"Content-Length": str(len(answer.body))} | answer.headers
    made = requests.Response()
    made.status_code = answer.status
    made.headers.update(headers)
    made._content = answer.body  # noqa: SLF001  # as the real session fills it
    made.raw = HTTPResponse(body=b"", status=answer.status)
    made.encoding = "utf-8"
    return made


class VirtualServer(PlexMediaServer):
    """The real server class over the virtual session."""

    def __init__(self, network: Network, token: str, **settings: Any) -> None:
        """Take the network; everything else as ``PlexMediaServer``."""
        url = "http://plex.test:32400"
        super().__init__(url, token, **settings)
        self._real = self._session
        self._session = VirtualSession(
            network,
            url,
            token,
            client_id=settings["client_id"],
            version="0",
            verify_ssl=False,
            deadlines=settings.get("deadlines"),
        )
        self._line.session = self._session

    async def close(self) -> None:
        """Close both sessions."""
        await self._real.aclose()
        await self._session.aclose()


class KillableStore:
    """Keeps the circuit as text, as a file does; a dead process saves no more."""

    def __init__(self, saved: str | None = None) -> None:
        """Begin with what was saved."""
        self.saved = saved
        self.alive = True
        self.saves = 0

    async def load(self) -> dict[str, Any] | None:
        """Give what was saved."""
        return None if self.saved is None else json.loads(self.saved)

    async def save(self, data: dict[str, Any]) -> None:
        """Keep it, a moment later."""
        text = json.dumps(data)
        await asyncio.sleep(0.002)
        if self.alive:
            self.saved = text
            self.saves += 1

    def kill(self) -> KillableStore:
        """Die; give what the next process finds."""
        self.alive = False
        return KillableStore(self.saved)


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait({task})


type Work = Callable[[], Awaitable[None]]
