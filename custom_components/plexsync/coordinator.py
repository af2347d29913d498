"""The coordinator, which hosts the engine of one server."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
import contextlib
from datetime import timedelta
import logging
from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from . import issues
from .ask_owner import (
    async_ask_owner,
    async_keep_holds,
    async_log_source_hold,
    async_look_at_what_was_asked,
    async_tell_of_lost_files,
)
from .ask_sources import find_all
from .backup_pause import BackupPause
from .connection import NOWHERE, Access, client_identifier, entry_access
from .const import (
    CONF_KEEP_HISTORY,
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    DEFAULT_KEEP_HISTORY,
    DOMAIN,
)
from .engine.database.database import Database, StorageError, StorageTooNewError
from .engine.engine import Engine
from .engine.layout import LAYOUT
from .engine.model.events import (
    Changed,
    CircuitMoved,
    Event,
    HoldChanged,
    ItemFailed,
    SourceHoldChanged,
)
from .engine.model.holds import Hold
from .engine.model.record import Record
from .engine.snapshot import Snapshot
from .engine.util.clock import Clock
from .errors import not_opened
from .failures import Failures, ItemsFailed
from .first_plan import async_make_first_plans
from .gone_watch import GoneWatch
from .host import Host
from .images import ImageDesk
from .nightly import Nightly
from .open_sources import async_open_sources
from .plex.events import PlexEvents
from .plex.index import SCHEMA as INDEX_SCHEMA
from .plex.server import PlexMediaServer
from .reconcile_run import ReconcileRun
from .show import async_snapshot
from .sources.runner import SourceRunner
from .storage import CircuitStore, database_path
from .takeover import async_recognise_machine

_LOGGER = logging.getLogger(__name__)

_LOOK = timedelta(seconds=60)  # between updates for what changes with time alone
_QUIET = 0.5  # seconds at least between two updates of the entities
_RESTART = 30.0  # seconds before a task that failed is started again
_ASKED = 50  # new files that sources are asked about; a sweep finds the others
_JOIN = 5.0  # seconds that stopping everything may take

type PlexSyncConfigEntry = ConfigEntry[PlexSyncCoordinator]
type Listener = Callable[[Event | ItemsFailed], None]


class PlexSyncCoordinator(DataUpdateCoordinator[Snapshot]):
    """Own one engine, run its worker, and publish one snapshot for all entities."""

    config_entry: PlexSyncConfigEntry

    def __init__(self, hass: HomeAssistant, entry: PlexSyncConfigEntry) -> None:
        """Initialize the coordinator; ``async_open`` builds the rest."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            update_interval=_LOOK,
            always_update=False,
        )
        self.host: Host
        self.engine: Engine
        self.server: PlexMediaServer
        self.reconcile: ReconcileRun
        self.nightly: Nightly
        self.gone_watch: GoneWatch
        self.events: PlexEvents
        self.backup: BackupPause
        self.runners: dict[str, SourceRunner] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._hearers: set[Listener] = set()
        self.endings: set[CALLBACK_TYPE] = set()  # of those who follow this server
        self._failures = Failures(hass, self._announce)
        self._closing: asyncio.Task[None] | None = None
        self._is_taken_over = False  # by another machine, since the last set-up

    # -- life ------------------------------------------------------------------

    async def async_open(self) -> None:
        """Open our own files. Raises ConfigEntryNotReady if that is impossible now.

        Raises ConfigEntryError for files of a newer version: only the owner can help.
        Plex need not answer: while it is down, the circuit shows that.
        """
        entry, hass = self.config_entry, self.hass
        access = entry_access(hass, entry)
        self._build(access, await client_identifier(hass))
        try:
            await self.engine.open()
        except BaseException as error:
            await self.server.close()
            if not isinstance(error, StorageError):
                raise
            self._not_opened(error)
            raise not_opened(error) from error
        self.engine.circuit.hold(Hold.ADDRESS, access == NOWHERE)
        self.backup.resume(self.engine.clock.wall())
        try:
            self._is_taken_over = await async_recognise_machine(
                self.engine.database, entry.data[CONF_MACHINE_ID]
            )
            await async_open_sources(self.host, self.gone_watch, self.async_look)
            self.async_set_updated_data(await async_snapshot(self.host))
        except StorageError as error:
            await self.async_close()
            self._not_opened(error)
            raise not_opened(error) from error
        except BaseException:
            await self.async_close()
            raise
        async_tell_of_lost_files(self.host)
        issues.async_follow(hass, entry, issues.STORAGE_TOO_NEW, present=False)

    def _not_opened(self, error: StorageError) -> None:
        async_tell_of_lost_files(self.host)
        if isinstance(error, StorageTooNewError):
            entry = self.config_entry
            issues.async_follow(self.hass, entry, issues.STORAGE_TOO_NEW, present=True)

    def _build(self, access: Access, client_id: str) -> None:
        """Create the server, its engine and its notifications."""
        entry, hass = self.config_entry, self.hass
        database = Database(
            database_path(hass, entry.entry_id), LAYOUT.beside(INDEX_SCHEMA)
        )
        clock = Clock()  # shared by all, so that they agree on the age of a read
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
        images = ImageDesk(hass)
        self.backup = BackupPause(hass, database)
        self.engine = Engine(
            database,
            self.server,
            images,
            name=entry.title,
            store=CircuitStore(hass, entry.entry_id),
            clock=clock,
            fresh=self._fresh,
            wants_scan=self._wants_scan,
            tell=self._heard,
            keep_history=entry.options.get(CONF_KEEP_HISTORY, DEFAULT_KEEP_HISTORY),
        )
        self.host = Host(hass, entry, access, self.engine, images, self.runners)
        self.gone_watch = GoneWatch(
            self.host,
            lambda: self.reconcile.start_next(),  # noqa: PLW0108  # it is built below
        )
        self.reconcile = ReconcileRun(self.host, self.gone_watch.look)
        self.nightly = Nightly(self.host, self.reconcile)
        self.events = PlexEvents(
            async_get_clientsession(hass, verify_ssl=access.verify_ssl),
            access.url,
            access.token,
            client_id=client_id,
            allowed=self.engine.circuit.may_listen,
            contact=self.engine.health.sighted,
            broke=self.server.distrust,
            arrived=self._look_again,
            changed=self.engine.plex_notices.void,
        )

    def async_start(self) -> None:
        """Start the tasks."""
        async_look_at_what_was_asked(self.host)
        self._keep("database", self._mind_database)
        self._keep("worker", self.engine.run)
        self._keep("publisher", self._publish)
        self._keep("listener", self.events.run)
        self.async_listen(self.nightly.heard)
        self.nightly.start()
        self._keep("nightly sweep", self.nightly.run)
        self._spawn("comparison", self._compare_what_is_due())
        for runner in self.runners.values():
            self._keep("source", runner.run)
        self._spawn("first plans", async_make_first_plans(self.host))
        self.gone_watch.start()

    def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep a task running: a bug of ours must not stop syncing silently."""

        async def supervise() -> None:
            while True:
                try:
                    await work()
                except Exception:
                    _LOGGER.exception(
                        "The %s stopped; it will be started again soon", name
                    )
                await asyncio.sleep(_RESTART)

        self._spawn(name, supervise())

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(
            self.config_entry.async_create_background_task(
                self.hass, work, f"{DOMAIN} {name}"
            )
        )

    async def _compare_what_is_due(self) -> None:
        """Start the comparison that is due after a lost ledger or on another machine."""
        is_due: bool | None = self._is_taken_over or None
        while is_due is None:
            try:
                is_due = await self.engine.ledger_identity.is_to_compare()
            except StorageError:
                await asyncio.sleep(_RESTART)  # the worker reports the error
        if is_due:
            self.reconcile.start()

    async def _mind_database(self) -> None:
        """Check a database that was not closed; reload the entry if it is damaged."""
        database = self.engine.database
        if database.file.unclean:
            with contextlib.suppress(StorageError):  # the next start checks again
                await database.look_for_damage()
        await database.damaged.wait()
        hass, entry = self.hass, self.config_entry
        issues.async_follow(hass, entry, issues.DATABASE_LOST, present=True)
        hass.config_entries.async_schedule_reload(entry.entry_id)

    async def async_close(self) -> None:
        """Stop the worker, close sockets, join our threads, save, close SQLite.

        A second caller waits for the same close.
        """
        if self._closing is None:
            self._closing = self.hass.async_create_task(
                self._close(), f"{DOMAIN} closes"
            )
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self.async_shutdown()  # no update may read from a closed database
        async_keep_holds(self.host)
        self.backup.close()
        self.nightly.close()
        self.gone_watch.close()
        stopping = [asyncio.ensure_future(self.reconcile.close()), *self._tasks]
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(stopping, timeout=_JOIN)
        await self.engine.close()
        self._failures.flush()

    # -- publishing --------------------------------------------------------------

    @override
    async def _async_update_data(self) -> Snapshot:
        async_ask_owner(self.host, self.data)  # some repairs are raised by time alone
        try:
            return await async_snapshot(self.host)
        except StorageError as error:
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key="storage_unusable"
            ) from error

    async def _publish(self) -> None:
        """Publish changes, but not more often than people can read."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(StorageError):
                self.async_set_updated_data(await async_snapshot(self.host))
            async_ask_owner(self.host, self.data)
            await asyncio.sleep(_QUIET)

    @callback
    def async_look(self) -> None:
        """Publish soon: something that is shown may have changed."""
        self._changed.set()

    # -- what the engine asks and reports ------------------------------------------

    async def _fresh(
        self, source: str, keys: Sequence[str]
    ) -> Mapping[str, Record | str]:
        """Ask a source for records; those of actions stay as they are. Raises Fault."""
        if (runner := self.runners.get(source)) is None:
            return {}
        return await runner.source.fresh(keys)

    def _wants_scan(self, source: str) -> bool:
        """Return whether Plex should scan folders for a source's files that it lacks."""
        runner = self.runners.get(source)
        return runner is not None and runner.scan_new

    async def _look_again(self, rating_keys: Sequence[str]) -> None:
        """Wake jobs that waited for these items, and compare what sources have for them."""
        with contextlib.suppress(StorageError):  # the worker reports the error
            paths = await self.engine.arrivals.came(rating_keys)
            runners = [each for each in self.runners.values() if each.connected]
            records = await find_all(runners, paths[:_ASKED], self.engine.clock.steady)
            await self.engine.arrivals.compare(records)

    @callback
    def async_listen(self, listener: Listener) -> CALLBACK_TYPE:
        """Subscribe to events; items that fail together are one event a minute."""
        self._hearers.add(listener)
        return lambda: self._hearers.discard(listener)

    @callback
    def _heard(self, event: Event) -> None:
        self._changed.set()
        if isinstance(event, CircuitMoved | HoldChanged):
            self.events.look()
        if isinstance(event, CircuitMoved) and self.data is not None:
            # Automations and the history see even the shortest state.
            self.async_set_updated_data(self.data.follow(self.engine.circuit))
        if isinstance(event, SourceHoldChanged):
            async_log_source_hold(self.config_entry, event)
        if isinstance(event, ItemFailed):
            self._failures.add(event)
        elif not isinstance(event, Changed):
            self._announce(event)

    def _announce(self, event: Event | ItemsFailed) -> None:
        for listener in list(self._hearers):
            listener(event)

    @callback
    def async_tell_the_last(self) -> None:
        """Send the events that are still held back: the entities are about to go."""
        self._failures.flush()

    @callback
    def async_end(self) -> None:
        """Send those away who follow this server: it is not loaded any more."""
        for end in tuple(self.endings):
            end()


@callback
def loaded(entry: ConfigEntry | None) -> PlexSyncCoordinator | None:
    """Return the coordinator of an entry, None unless the entry is set up."""
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return None
    coordinator: PlexSyncCoordinator = entry.runtime_data
    return coordinator
