"""The nightly sweep: started by the clock, and made up for if it was missed."""

import asyncio
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import (
    CALLBACK_TYPE,
    Event as CoreEvent,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.event import async_call_later, async_track_point_in_utc_time
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from .const import CONF_SWEEP_AT, DOMAIN
from .engine.database.database import StorageError
from .engine.model.events import CircuitClosed, Event
from .engine.sweep.last_sweep import LONG
from .failures import ItemsFailed
from .host import Host
from .reconcile_run import ReconcileRun

# By default Plex does its maintenance from two to five, so sweep after that and find what
# it changed. Servers begin seven minutes apart: no two of 60 share a minute.
_HOUR, _FIRST, _APART = 5, 5, 7
_CALM = 300.0  # seconds after a start in which sources may still be starting as well
_DAY = timedelta(days=1)


def default_time(hass: HomeAssistant, entry: ConfigEntry) -> time:
    """Return the time of a server's sweep if its owner chose none."""
    servers = sorted(
        each.entry_id for each in hass.config_entries.async_entries(DOMAIN)
    )
    return time(_HOUR, (_FIRST + _APART * servers.index(entry.entry_id)) % 60)


def sweep_time(hass: HomeAssistant, entry: ConfigEntry) -> time | None:
    """Return the time of a server's sweep; None if its owner wants no sweep."""
    if CONF_SWEEP_AT not in entry.options:
        return default_time(hass, entry)
    chosen = entry.options[CONF_SWEEP_AT]
    return None if chosen is None else dt_util.parse_time(chosen)


def next_night(at: time, now: datetime) -> datetime:
    """Return the next moment, in UTC, at which local clocks show a time.

    On a day when clocks skip the time, the moment is as much later as they were put
    forward; on a day when they show it twice, the first time counts.
    """
    today = dt_util.as_local(now).date()
    moment = _on(today, at)
    return moment if moment > now else _on(today + _DAY, at)


def last_night(at: time, now: datetime) -> datetime:
    """Return the last moment at which local clocks showed a time."""
    today = dt_util.as_local(now).date()
    moment = _on(today, at)
    return moment if moment <= now else _on(today - _DAY, at)


def _on(day: date, at: time) -> datetime:
    local = datetime.combine(day, at, dt_util.get_default_time_zone())
    return dt_util.as_utc(local)


class Nightly:
    """Start a server's sweep every night, and whenever one is owed.

    A sweep is owed after a start if the night's sweep was missed, and after an outage of
    more than a day. It is the same run that the button starts.
    """

    def __init__(self, host: Host, run: ReconcileRun) -> None:
        """Initialize without starting anything."""
        self._host = host
        self._run = run
        self._hass = host.hass
        self._at = sweep_time(host.hass, host.entry)
        self._stops: list[CALLBACK_TYPE] = []
        self._alarm: CALLBACK_TYPE | None = None
        self._look = asyncio.Event()

    @callback
    def start(self) -> None:
        """Set the alarm, and look for a missed sweep once Home Assistant has started."""
        if self._at is None:
            return
        at = self._at

        @callback
        def follow_zone(_: CoreEvent) -> None:
            # The clocks may show another time now.
            self._set_alarm(at, dt_util.utcnow())

        self._set_alarm(at, dt_util.utcnow())
        self._stops += [
            self._hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, follow_zone),
            async_at_started(self._hass, self._wait_for_calm),
        ]

    @property
    def next(self) -> datetime | None:
        """When the next sweep begins; None where the owner wants none."""
        return None if self._at is None else next_night(self._at, dt_util.utcnow())

    @callback
    def close(self) -> None:
        """Cancel the alarm and all listeners."""
        for stop in self._stops:
            stop()
        self._stops.clear()
        self._cancel_alarm()

    async def run(self) -> None:
        """Start an owed sweep, whenever there may be one."""
        with suppress(StorageError):  # the worker reports the error
            await self._host.engine.sweep.last()  # only nights from now on count
        while True:
            await self._look.wait()
            self._look.clear()
            with suppress(StorageError):
                await self._make_up()

    async def _make_up(self) -> None:
        run = self._run
        if not await self._is_owed():
            return
        if run.running:
            await run.over()
            if not await self._is_owed():
                return
        self._begin()

    async def _is_owed(self) -> bool:
        if self._at is None:
            return False
        engine = self._host.engine
        last, now = await engine.sweep.last(), engine.clock.wall()
        night = last_night(self._at, dt_util.utc_from_timestamp(now))
        outages = engine.circuit.outages.outages
        return last.is_owed(night.timestamp(), outages, now)

    @callback
    def _begin(self) -> None:
        """Start a sweep, unless one is under way or there is nothing to compare."""
        if self._host.runners:
            self._run.start()

    # -- when to look ------------------------------------------------------------

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm()
            self._alarm = None

    def _set_alarm(self, at: time, after: datetime) -> None:
        self._cancel_alarm()

        @callback
        def ring(night: datetime) -> None:
            # A clock that was set back a little must not start this sweep again.
            self._set_alarm(at, max(night, dt_util.utcnow()))
            self._begin()

        self._alarm = async_track_point_in_utc_time(
            self._hass, ring, next_night(at, after)
        )

    @callback
    def _wait_for_calm(self, hass: HomeAssistant) -> None:
        @callback
        def look(_: datetime) -> None:
            self._look.set()

        self._stops.append(async_call_later(hass, _CALM, look))

    @callback
    def heard(self, event: Event | ItemsFailed) -> None:
        """Look whether a sweep is owed, once a long outage is over."""
        if isinstance(event, CircuitClosed) and (event.duration or 0) > LONG:
            self._look.set()
