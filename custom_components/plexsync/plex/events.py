"""Notifications: what Plex tells by itself, over a websocket that comes back for ever.

Its accepted handshake is a sign of life, its messages say that items came or
changed. It proves nothing of the database, and nothing of it is evidence for or
against the circuit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import json
import logging
from random import Random
from typing import Any

import aiohttp

from ..engine.retry import Backoff, around
from .items import is_rating_key

_LOGGER = logging.getLogger(__name__)

PATH = "/:/websockets/notifications"
_LIBRARY = "com.plexapp.plugins.library"
_CREATED, _DONE, _DELETED = 0, 5, 9  # where an item stands in its life
_REMEMBERED = 10_000  # items that are on their way into the library
_AT_ONCE = 50  # messages taken in before others have their turn


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays in seconds; tests pass shorter ones.

    ``first``, ``cap`` and ``jitter`` (either way) shape the wait between two
    tries, ``long`` is that wait once tries have failed for ``patience``. ``lasting`` is how long a socket lives before they begin anew.
    ``spacing`` is the least time between two reports that items came, ``slow``
    the same while they come one by one.
    """

    first: float = 1.0
    cap: float = 60.0
    patience: float = 3600.0
    long: float = 600.0
    jitter: float = 0.2
    lasting: float = 30.0
    heartbeat: float = 15.0
    handshake: float = 10.0
    closing: float = 1.0
    spacing: float = 2.0
    slow: float = 15.0


@dataclass(frozen=True, slots=True)
class News:
    """What one message tells: rating keys of items, and whether a scan ended."""

    created: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    scanned: bool = False


class PlexEvents:
    """Listen until cancelled; whatever the server does, try again.

    ``allowed`` says whether a connection may be tried now; after it changed,
    ``look`` is called. ``contact`` hears True of an accepted handshake and False
    where nobody answered. ``arrived`` is awaited when items that were missing may
    be there: after every handshake, scan and new item, but spaced; it gets the
    rating keys of those that Plex told of. ``changed``
    hears the rating key of every item that somebody, ourselves included, changed.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        *,
        client_id: str,
        allowed: Callable[[], bool],
        contact: Callable[[bool], None],
        broke: Callable[[], None] = lambda: None,
        arrived: Callable[[Sequence[str]], Awaitable[object]],
        changed: Callable[[str], None],
        version: str = "0",
        delays: Delays | None = None,
        random: Random | None = None,
    ) -> None:
        """Take the session whose connections to use; whether it verifies is its own matter."""
        self._session = session
        self._url = url.rstrip("/") + PATH
        self._headers = {
            "X-Plex-Token": token,
            "X-Plex-Client-Identifier": client_id,
            "X-Plex-Product": "PlexSync",
            "X-Plex-Version": version,
            "User-Agent": f"PlexSync/{version}",
        }
        self._allowed = allowed
        self._contact = contact
        self._broke = broke
        self._arrived = arrived
        self._changed = changed
        self._delays = delays or Delays()
        self._random = random or Random()
        self._failing_since: float | None = None
        self.attempts = 0  # connections tried, refused ones counted
        self.connected = False
        self._step = 0  # how often the delay has grown
        self._not_before = float("-inf")  # no try before this
        self._looked = asyncio.Event()
        self._failing = False  # and that has been logged
        self._coming: dict[str, None] = {}  # created, but not finished yet
        self._came: dict[str, None] = {}  # finished since the last report
        self._news = asyncio.Event()
        self._due: float | None = None  # when to report that items came
        self._told = float("-inf")
        self._repeat = False

    def look(self) -> None:
        """Ask ``allowed`` again."""
        self._looked.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        # The connections are the session's. aiohttp would follow a redirect of a
        # handshake, token and all, and only a session's own middleware sees it first.
        own = aiohttp.ClientSession(
            connector=self._session.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_no_redirects,),
        )
        async with own, asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            group.create_task(self._listen(own))

    # -- the socket --------------------------------------------------------------

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self._turn()
            began = _now()
            await self._connect(session)
            now = _now()
            if now - began >= self._delays.lasting:
                self._step, self._failing_since = 0, None
            elif self._failing_since is None:
                self._failing_since = began
            self._not_before = now + self._delay()
            self._step = min(self._step + 1, 60)

    async def _turn(self) -> None:
        """Wait until it is time for a try, and one is allowed."""
        while True:
            self._looked.clear()
            wait = self._not_before - _now()
            if not self._allowed():
                wait = self._delays.cap  # should nobody call ``look``
            elif wait <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._looked.wait()

    def _delay(self) -> float:
        delays = self._delays
        since = self._failing_since
        if since is not None and _now() - since >= delays.patience:
            # Never sooner than it says: six tries an hour are enough.
            return delays.long * (1 + delays.jitter * self._random.random())
        delay = Backoff(delays.first, delays.cap).whole(self._step)
        return around(delay, delays.jitter, self._random)

    async def _connect(self, session: aiohttp.ClientSession) -> None:
        """Shake hands once, and listen as long as that lasts."""
        self.attempts += 1
        try:
            async with asyncio.timeout(self._delays.handshake):
                socket = await session.ws_connect(
                    self._url,
                    headers=self._headers,
                    heartbeat=self._delays.heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._delays.closing),
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._refused(error)
            return
        try:
            self._accepted()
            await self._hear(socket)
        finally:
            self.connected = False
            self._broke()
            await socket.close()

    def _refused(self, error: Exception) -> None:
        """Tell once; neither the error's text nor its request may be logged."""
        if not self._failing:
            self._failing = True
            _LOGGER.info("Plex sends no notifications (%s)", _reason(error))
        if not isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientResponseError):
            self._contact(False)

    def _accepted(self) -> None:
        if self._failing:
            self._failing = False
            _LOGGER.info("Plex sends notifications again")
        self.connected = True
        self._coming.clear()
        self._contact(True)
        self._want(self._delays.spacing)  # whatever came meanwhile, nobody told

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        number = 0
        async for message in socket:
            if message.type is aiohttp.WSMsgType.ERROR:
                return
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(parse(message.data))
            number += 1
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    # -- the news ------------------------------------------------------------------

    def _take(self, news: News) -> None:
        for key in news.changed:
            self._changed(key)
        for key in news.created:
            self._coming[key] = None
        while len(self._coming) > _REMEMBERED:
            del self._coming[next(iter(self._coming))]
        for key in news.finished:
            # Every edit, ours too, ends like this; only what was created before is new.
            if key in self._coming:
                del self._coming[key]
                if len(self._came) < _REMEMBERED:
                    self._came[key] = None
                self._want(self._delays.slow)
        if news.scanned:
            self._want(self._delays.spacing)

    def _want(self, spacing: float) -> None:
        """Have it reported that items came: at once, but not too soon after the last time."""
        due = max(_now(), self._told + spacing)
        self._due = due if self._due is None else min(self._due, due)
        self._repeat = True
        self._news.set()

    async def _tell(self) -> None:
        while True:
            self._news.clear()
            wait = None if self._due is None else self._due - _now()
            if wait is not None and wait <= 0:
                self._told = _now()
                # Once more a little later: Plex tells before all of it can be found,
                # and what is being looked for at this moment is not woken.
                self._due = self._told + self._delays.slow if self._repeat else None
                self._repeat = False
                came, self._came = list(self._came), {}
                await self._arrived(came)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()


def parse(text: Any) -> News:
    """Read one message; whatever is not as expected tells nothing.

    Shapes and states as Plex sends them and Tautulli reads them: ids come as
    text or as numbers, and an item that is done has no further state.
    """
    try:
        container = json.loads(text)["NotificationContainer"]
        kind = container["type"]
    except ValueError, TypeError, KeyError, RecursionError:
        return News()
    match kind:
        case "timeline":
            return _timeline(container)
        case "activity":
            ended = [
                entry["Activity"].get("type")
                for entry in _entries(container, "ActivityNotification")
                if entry.get("event") == "ended"
                and isinstance(entry.get("Activity"), dict)
            ]
            return News(scanned="library.update.section" in ended)
        case "status":
            titles = [
                entry.get("title")
                for entry in _entries(container, "StatusNotification")
            ]
            return News(scanned="Library scan complete" in titles)
    return News()


def _timeline(container: dict[str, Any]) -> News:
    created: list[str] = []
    finished: list[str] = []
    changed: list[str] = []
    for entry in _entries(container, "TimelineEntry"):
        key, state = _number(entry.get("itemID")), _number(entry.get("state"))
        if key is None or entry.get("identifier", _LIBRARY) != _LIBRARY:
            continue
        if state == str(_CREATED):
            created.append(key)
        elif state in (str(_DONE), str(_DELETED)):
            changed.append(key)
            under_way = entry.get("metadataState") or entry.get("queueSize")
            if state == str(_DONE) and not under_way:
                finished.append(key)
    return News(tuple(created), tuple(finished), tuple(changed))


def _entries(container: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    entries = container.get(name)
    if isinstance(entries, dict):
        entries = [entries]
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, dict))


def _number(value: Any) -> str | None:
    """Return a count, sent as a number or as text, as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return text if is_rating_key(text) else None


async def _no_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Go nowhere that the user did not name."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientResponseError(
            response.request_info, response.history, status=response.status
        )
    return response


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"status {error.status}"
    return type(error).__name__


def _now() -> float:
    """Return the loop's time: what the waits here are measured by."""
    return asyncio.get_running_loop().time()
