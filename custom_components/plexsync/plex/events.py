"""Notifications from Plex, over a websocket that reconnects for ever.

An accepted handshake is a sign of life, and messages say that items were added or
changed. Neither says anything about the database, so neither is evidence for or against
the circuit.
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

from ..engine.model.faults import Backoff, around
from .client import own_headers
from .items import is_rating_key

_LOGGER = logging.getLogger(__name__)

PATH = "/:/websockets/notifications"
_LIBRARY = "com.plexapp.plugins.library"
_CREATED, _DONE, _DELETED = 0, 5, 9  # states of an item
_REMEMBERED = 10_000  # items at most that are being added to the library
_AT_ONCE = 50  # messages in a row before other tasks get their turn


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays in seconds; tests pass shorter ones.

    ``first``, ``cap`` and ``jitter`` (either way) shape the wait between two tries;
    ``long`` is that wait once tries have failed for ``patience``. After a socket that
    lived for ``lasting``, the waits start again at ``first``. ``spacing`` is the least
    time between two reports of new items, ``slow`` the same while they arrive one by one.
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
    """The content of a message: rating keys of items, and whether a scan ended."""

    created: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    scanned: bool = False


class PlexEvents:
    """Listen until cancelled, and reconnect whatever the server does.

    ``allowed`` returns whether to try to connect now; call ``look`` when that changes.
    ``contact`` is called with True for an accepted handshake, and with False if nobody
    answered. ``broke`` is called when a socket ends. ``arrived`` is awaited when missing
    items may have been added: after each handshake, scan and new item, but spaced. It
    gets the rating keys of the items that Plex named. ``changed`` is called with the
    rating key of every item that anybody, ourselves included, changed.
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
        delays: Delays | None = None,
        random: Random | None = None,
    ) -> None:
        """Take the session whose connections, and certificate checks, to use."""
        self._session = session
        self._url = url.rstrip("/") + PATH
        self._headers = own_headers(client_id, token)
        self._allowed = allowed
        self._contact = contact
        self._broke = broke
        self._arrived = arrived
        self._changed = changed
        self._delays = delays or Delays()
        self._random = random or Random()
        self._failing_since: float | None = None
        self.attempts = 0  # to connect, including refused ones
        self.connected = False
        self._step = 0  # how often the delay has grown
        self._not_before = float("-inf")  # earliest time of the next try
        self._looked = asyncio.Event()
        self._failing = False  # whether a failure has been logged
        self._coming: dict[str, None] = {}  # items created, but not finished yet
        self._came: dict[str, None] = {}  # items finished since the last report
        self._news = asyncio.Event()
        self._due: float | None = None  # when to report new items
        self._told = float("-inf")
        self._repeat = False

    def look(self) -> None:
        """Check ``allowed`` again."""
        self._looked.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        # Share the connections, but not the session: aiohttp would follow a redirect of a
        # handshake, with the token, and only middleware of the session can prevent that.
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
            self._step += 1

    async def _turn(self) -> None:
        """Wait until the next try is due and allowed."""
        while True:
            self._looked.clear()
            wait = self._not_before - _now()
            if not self._allowed():
                wait = self._delays.cap  # in case nobody calls ``look``
            elif wait <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._looked.wait()

    def _delay(self) -> float:
        delays = self._delays
        since = self._failing_since
        if since is not None and _now() - since >= delays.patience:
            # Jitter only lengthens this wait, as six tries an hour are enough.
            return delays.long * (1 + delays.jitter * self._random.random())
        delay = Backoff(delays.first, delays.cap).whole(self._step)
        return around(delay, delays.jitter, self._random)

    async def _connect(self, session: aiohttp.ClientSession) -> None:
        """Connect once, and listen until the socket ends."""
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
        """Log a failure once, without the error's text and request, which are private."""
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
        self._want(self._delays.spacing)  # items may have been added unnoticed

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
            # Every edit, ours too, ends like this: the item is only new if it was created.
            if key in self._coming:
                del self._coming[key]
                if len(self._came) < _REMEMBERED:
                    self._came[key] = None
                self._want(self._delays.slow)
        if news.scanned:
            self._want(self._delays.spacing)

    def _want(self, spacing: float) -> None:
        """Schedule a report of new items: at once, but not too soon after the last one."""
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
                # Report again a little later, because Plex announces items before all of
                # them can be found, and because jobs being worked on now are not woken.
                self._due = self._told + self._delays.slow if self._repeat else None
                self._repeat = False
                came, self._came = list(self._came), {}
                await self._arrived(came)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()


def parse(text: Any) -> News:
    """Parse a message; unexpected content is ignored.

    Types and states are as Plex sends them and Tautulli reads them: ids are texts or
    numbers, and an item that is done has no further state.
    """
    try:
        container = json.loads(text)["NotificationContainer"]
        kind = container["type"]
    except ValueError, TypeError, KeyError, RecursionError:
        return News()
    if kind == "timeline":
        return _timeline(container)
    # A scan that ended is told twice, as a status and as an activity.
    statuses = _entries(container, "StatusNotification")
    ended = [
        entry["Activity"].get("type")
        for entry in _entries(container, "ActivityNotification")
        if entry.get("event") == "ended" and isinstance(entry.get("Activity"), dict)
    ]
    return News(
        scanned="library.update.section" in ended
        or "Library scan complete" in [entry.get("title") for entry in statuses]
    )


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
    """Return an id, sent as a number or a text, as a text; None for anything else."""
    text = str(value)
    return text if is_rating_key(text) else None


async def _no_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Refuse redirects: connect only to the address that the user gave."""
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
    """Return the event loop's time, which all waits here use."""
    return asyncio.get_running_loop().time()
