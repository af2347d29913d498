"""The host of one server's engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
import hashlib
import json
import logging
from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from . import issues
from .connection import Access, client_identifier, entry_access
from .const import (
    CONF_FIELDS,
    CONF_FILL_ONLY,
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    CONF_PATH_MAPPINGS,
    CONF_PLEX_ENTRY,
    CONF_POLL_INTERVAL,
    CONF_STALE_AFTER,
    CONF_START,
    DEFAULT_POLL_INTERVAL,
    DEFAULT_STALE_AFTER,
    DOMAIN,
    SOURCE_ACTION,
    START_CHANGES,
    START_PREVIEW,
    SUBENTRY_STASH,
)
from .engine.circuit import Hold
from .engine.clock import Clock
from .engine.database import (
    Database,
    StorageError,
    StorageInUseError,
    StorageTooNewError,
)
from .engine.engine import SCHEMAS, Engine, Snapshot
from .engine.record import Record
from .engine.retry import Fault
from .images import ImageDesk
from .plex.events import PlexEvents
from .plex.index import SCHEMA as INDEX_SCHEMA
from .plex.paths import PathMapper
from .plex.server import PlexMediaServer
from .reconcile_run import ReconcileRun
from .sources.runner import SourceRunner
from .sources.stash import StashOptions, StashSource
from .storage import CircuitStore, database_path

_LOGGER = logging.getLogger(__name__)

_LOOK = timedelta(seconds=60)  # how often time alone may change what is shown
_QUIET = 0.5  # seconds between two publications at least
_RESTART = 30.0  # seconds before a task that broke is started again
_JOIN = 5.0  # seconds to stop everything in
_BACKUP = 3600.0  # seconds that a backup may take
_THAW_AGAIN = 60.0  # seconds until ending one that failed to end is tried again

type PlexSyncConfigEntry = ConfigEntry[PlexSyncCoordinator]
type Listener = Callable[[str, dict[str, Any]], None]


class PlexSyncCoordinator(DataUpdateCoordinator[Snapshot]):
    """Own one engine, run its worker, publish one snapshot for every entity."""

    config_entry: PlexSyncConfigEntry

    def __init__(self, hass: HomeAssistant, entry: PlexSyncConfigEntry) -> None:
        """Build nothing yet: that is ``async_open``'s."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            update_interval=_LOOK,
            always_update=False,
        )
        self.access: Access
        self.engine: Engine
        self.server: PlexMediaServer
        self.images: ImageDesk
        self.events: PlexEvents
        self.runners: dict[str, SourceRunner] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._hearers: set[Listener] = set()
        self._closed = False
        self._backup_over: CALLBACK_TYPE | None = None
        self.reconcile = ReconcileRun(self)

    # -- life ------------------------------------------------------------------

    async def async_open(self) -> None:
        """Open our own files. Raises ConfigEntryNotReady when that is impossible.

        Those that a newer version made need their owner: raises ConfigEntryError.
        Whether Plex answers plays no part: while it is down the circuit tells.
        """
        entry, hass = self.config_entry, self.hass
        self.access = access = entry_access(hass, entry)
        database = Database(
            database_path(hass, entry.entry_id), (*SCHEMAS, INDEX_SCHEMA)
        )
        client_id = await client_identifier(hass)
        clock = Clock()  # one for all: the age of a read is told by it
        self.server = PlexMediaServer(
            access.url,
            access.token,
            verify_ssl=access.verify_ssl,
            machine_id=entry.data[CONF_MACHINE_ID],
            libraries=frozenset(entry.data[CONF_LIBRARIES]),
            client_id=client_id,
            transactions=database,
            monotonic=clock.monotonic,
            wall=clock.wall,
        )
        self.images = ImageDesk(hass)
        self.engine = Engine(
            database,
            self.server,
            self.images,
            name=entry.title,
            store=CircuitStore(hass, entry.entry_id),
            clock=clock,
            fresh=self._fresh,
            listener=self._heard,
        )
        self.events = PlexEvents(
            async_get_clientsession(hass, verify_ssl=access.verify_ssl),
            access.url,
            access.token,
            client_id=client_id,
            allowed=self.engine.circuit.may_listen,
            contact=self.engine.health.sighted,
            broke=self.server.distrust,
            arrived=self._look_again,
            changed=self.engine.void,
        )
        try:
            await self.engine.open()
        except StorageError as error:
            await self.server.close()
            raise self._not_open(error) from error
        if (since := database.frozen_since) is not None:
            self._await_backup(since + _BACKUP - self.engine.clock.wall())
        try:
            await self._open_sources()
            self.async_set_updated_data(await self._snapshot())
        except StorageError as error:
            await self.async_close()
            raise self._not_open(error) from error
        except BaseException:
            await self.async_close()
            raise
        self._tell_of_storage()
        issues.async_follow_version(hass, entry, too_new=False)

    def _not_open(self, error: StorageError) -> ConfigEntryError | ConfigEntryNotReady:
        """Say why there is no set-up: only an owner helps, or time may."""
        self._tell_of_storage()
        if isinstance(error, StorageTooNewError):
            issues.async_follow_version(self.hass, self.config_entry, too_new=True)
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="storage_too_new"
            )
        return ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="storage_in_use"
            if isinstance(error, StorageInUseError)
            else "storage_unusable",
        )

    async def _open_sources(self) -> None:
        """Make a runner per subentry; let go of sources that were removed."""
        known = set(json.loads(await self.engine.setting("sources") or "[]"))
        allowed = self.hass.config
        await self.engine.upkeep.follow(
            SOURCE_ACTION,
            self._digest(
                sorted(allowed.allowlist_external_dirs),
                sorted(allowed.allowlist_external_urls),
            ),
            read_again=False,
        )
        await self.engine.upkeep.retry_due(SOURCE_ACTION)
        for subentry in self.config_entry.subentries.values():
            if subentry.subentry_type == SUBENTRY_STASH:
                await self._open_stash(subentry)
        for gone in sorted(known - set(self.runners)):
            jobs = await self.engine.remove_source(gone)
            _LOGGER.info("Source %s was removed, %s jobs were discarded", gone, jobs)
        await self.engine.keep("sources", json.dumps(sorted(self.runners)))

    async def _open_stash(self, subentry: ConfigSubentry) -> None:
        data, number = subentry.data, subentry.subentry_id
        mapper = PathMapper(
            [(pair["source"], pair["plex"]) for pair in data[CONF_PATH_MAPPINGS]]
        )
        options = StashOptions.from_dict(data[CONF_FIELDS])
        source = StashSource(
            number,
            async_get_clientsession(self.hass, verify_ssl=data[CONF_VERIFY_SSL]),
            data[CONF_URL],
            data.get(CONF_API_KEY),
            to_plex=mapper.to_plex,
            from_plex=mapper.from_plex,
            options=options,
        )
        start, fill_only = data[CONF_START], sorted(data.get(CONF_FILL_ONLY, ()))
        if start == START_PREVIEW and await self.engine.upkeep.is_new(number):
            # Nobody's library is rewritten unasked: jobs are kept, nothing is written.
            await self.engine.switch(False)
        await self.engine.upkeep.follow(
            number,
            self._digest(data[CONF_PATH_MAPPINGS], options.as_dict(), fill_only),
            read_again=start != START_CHANGES,
        )
        self.engine.set_fill_only(number, frozenset(fill_only))
        self.images.add(source)
        self.runners[number] = SourceRunner(
            source,
            self.engine,
            name=subentry.title,
            interval=self.config_entry.options.get(
                CONF_POLL_INTERVAL, DEFAULT_POLL_INTERVAL
            ),
            changes_only=start == START_CHANGES,
            changed=self._changed.set,
        )

    def _digest(self, *settings: Any) -> str:
        """Digest what may explain that jobs of a source fail, the token among it."""
        entry = self.config_entry
        everything = [
            sorted(entry.data[CONF_LIBRARIES]),
            entry_access(self.hass, entry).token,
            *settings,
        ]
        text = json.dumps(everything, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _tell_of_storage(self) -> None:
        """Raise a repair, once, for what could not be read at the start."""
        engine = self.engine
        if engine.circuit_problem is not None:
            issues.async_circuit_lost(self.hass, self.config_entry)
        if engine.database.set_aside:
            issues.async_database_lost(self.hass, self.config_entry)

    def async_start(self) -> None:
        """Begin to work."""
        self._spawn("database", self._mind_database)
        self._spawn("worker", self.engine.run)
        self._spawn("publisher", self._publish)
        self._spawn("listener", self.events.run)
        for number, runner in self.runners.items():
            self._spawn("source", runner.run)
            if self.config_entry.subentries[number].data[CONF_START] == START_PREVIEW:
                self._tasks.append(
                    self.config_entry.async_create_background_task(
                        self.hass, self._preview(number, runner), f"{DOMAIN} preview"
                    )
                )

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(
            self.config_entry.async_create_background_task(
                self.hass, self._supervise(name, work), f"{DOMAIN} {name}"
            )
        )

    async def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep a task running: a bug of ours must not end syncing in silence."""
        while True:
            try:
                await work()
            except Exception:
                _LOGGER.exception("The %s stopped, and starts again soon", name)
            await asyncio.sleep(_RESTART)

    async def _mind_database(self) -> None:
        """Look at a file that nobody closed; begin anew once one is found damaged."""
        database = self.engine.database
        if database.unclean:
            with contextlib.suppress(StorageError):  # the next start looks again
                await database.look_for_damage()
        await database.damaged.wait()
        issues.async_database_lost(self.hass, self.config_entry)
        self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)

    async def async_close(self) -> None:
        """Stop claiming, close sockets, join our threads, save, close SQLite."""
        if self._closed:
            return
        self._closed = True
        if self._backup_over is not None:
            self._backup_over()
        stopping = [asyncio.ensure_future(self.reconcile.cancel()), *self._tasks]
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(stopping, timeout=_JOIN)
        await self.engine.close()

    async def _preview(self, number: str, runner: SourceRunner) -> None:
        """Count once what the first run of a source would change, before it does."""
        while True:
            await runner.caught_up.wait()
            try:
                if await self.engine.setting(f"previewed:{number}") is None:
                    await self._count_first_plan(number, runner)
            except (Fault, StorageError) as error:
                _LOGGER.debug("The first plan is counted later (%s)", error)
                runner.caught_up.clear()  # until the source has been read once more
            else:
                return

    async def _count_first_plan(self, number: str, runner: SourceRunner) -> None:
        async def records() -> AsyncIterator[Sequence[Record]]:
            async for batch in runner.source.changes(None):
                yield batch.records

        counts = await self.engine.reconcile(
            records(), enqueue=False, total=await runner.source.count()
        )
        await self.engine.keep(f"previewed:{number}", json.dumps(counts))
        if Hold.SWITCH in self.engine.circuit.holds:
            issues.async_preview_ready(self.hass, self.config_entry, counts)

    async def _look_again(self) -> None:
        """Items may have come: wake what waits for one."""
        with contextlib.suppress(StorageError):  # the worker tells of that
            await self.engine.wake_missing()

    # -- backups -------------------------------------------------------------------

    async def async_begin_backup(self) -> None:
        """Make the database's file whole, and leave it alone. Raises StorageError.

        Ends with ``async_end_backup``, or by itself after an hour.
        """
        self._await_backup(_BACKUP)
        await self.engine.database.freeze(self.engine.clock.wall())

    async def async_end_backup(self, _now: datetime | None = None) -> None:
        """Go on as before."""
        if self._backup_over is not None:
            self._backup_over()
            self._backup_over = None
        try:
            await self.engine.database.thaw()
        except StorageError as error:
            _LOGGER.warning("The backup cannot be ended yet: %s", error)
            if not self._closed:
                self._await_backup(_THAW_AGAIN)

    @callback
    def _await_backup(self, seconds: float) -> None:
        if self._backup_over is not None:
            self._backup_over()
        self._backup_over = async_call_later(
            self.hass, min(max(0.0, seconds), _BACKUP), self.async_end_backup
        )

    # -- publishing --------------------------------------------------------------

    @override
    async def _async_update_data(self) -> Snapshot:
        self._follow_failing()  # time alone may make a repair of it
        try:
            return await self._snapshot()
        except StorageError as error:
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="storage_unusable"
            ) from error

    async def _snapshot(self) -> Snapshot:
        snapshot = await self.engine.snapshot()
        hours = self.config_entry.options.get(CONF_STALE_AFTER, DEFAULT_STALE_AFTER)
        age = 0.0
        if snapshot.oldest is not None:
            age = self.engine.clock.steady() - snapshot.oldest
        overdue = max(age, snapshot.stalled) > hours * 3600
        return replace(
            snapshot,
            sources={number: run.connected for number, run in self.runners.items()},
            unreadable={
                number: run.source.unreadable for number, run in self.runners.items()
            },
            # What the owner holds is nobody's problem.
            out_of_sync=overdue and Hold.SWITCH not in snapshot.holds,
        )

    async def _publish(self) -> None:
        """Publish what changed, but not more often than people can read."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(StorageError):
                self.async_set_updated_data(await self._snapshot())
            self._follow_up()
            await asyncio.sleep(_QUIET)

    @callback
    def _follow_up(self) -> None:
        """Ask the owner for what only the owner can mend."""
        holds = self.engine.circuit.holds
        entry = self.config_entry
        if Hold.AUTH in holds:
            if CONF_PLEX_ENTRY in entry.data:
                issues.async_plex_refuses(self.hass, entry)
            else:
                entry.async_start_reauth(self.hass)
        issues.async_follow(self.hass, entry, holds, self.engine.circuit.save_failed)
        self._follow_failing()
        issues.async_follow_sources(
            self.hass,
            entry,
            {number: runner.fault for number, runner in self.runners.items()},
        )

    @callback
    def _follow_failing(self) -> None:
        """Tell the owner of kinds of call that have been failing for long."""
        engine = self.engine
        issues.async_follow_failing(
            self.hass,
            self.config_entry,
            engine.bulkheads.failing(),
            engine.clock.monotonic(),
        )

    # -- what sources say now --------------------------------------------------------

    async def _fresh(
        self, source: str, keys: Sequence[str]
    ) -> Mapping[str, Record | str]:
        """Ask a source for records; what an action said stands. Raises Fault."""
        if (runner := self.runners.get(source)) is None:
            return {}
        return await runner.source.fresh(keys)

    # -- events ------------------------------------------------------------------

    @callback
    def async_listen(self, listener: Listener) -> CALLBACK_TYPE:
        """Hear of circuit_opened, circuit_closed, item_failed and so on."""
        self._hearers.add(listener)
        return lambda: self._hearers.discard(listener)

    @callback
    def _heard(self, event: str, data: Mapping[str, Any]) -> None:
        self._changed.set()
        if event == "hold" or event.startswith("circuit"):
            self.events.look()
        if event.startswith("circuit") and self.data is not None:
            # However short a state was, automations and the history see it.
            circuit = self.engine.circuit
            self.async_set_updated_data(
                replace(
                    self.data,
                    circuit=circuit.breaker.state,
                    next_probe=circuit.next_probe(),
                    reachable=circuit.reachable,
                )
            )
        if event not in ("changed", "hold"):
            for listener in list(self._hearers):
                listener(event, dict(data))
