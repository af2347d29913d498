"""The first plan of a source: counted before anything is written, then approved."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
import json
import logging

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from . import issues
from .const import CONF_START, START_PREVIEW, SUBENTRY_STASH
from .engine.database.database import StorageError
from .engine.ledger import settled
from .engine.model.faults import Backoff, Fault
from .engine.model.holds import Hold, SourceHold
from .engine.model.record import Record
from .engine.util.unforeseen import tell
from .host import Host
from .sources.runner import SourceRunner

_LOGGER = logging.getLogger(__name__)

_HELD = SourceHold.FIRST_PLAN
_AGAIN = Backoff(60.0, 3600.0)  # seconds after an unexpected error
_BY_SOURCE = "first_plans_hold_sources"  # the note that this database is migrated


async def async_make_first_plans(host: Host) -> None:
    """Count what the first run would change, for each source that waits for its plan."""
    holds = host.engine.source_holds
    await asyncio.gather(
        *(
            _make(host, number, runner)
            for number, runner in host.runners.items()
            if holds.of(number).get(_HELD, {}) is None
        )
    )


async def _make(host: Host, number: str, runner: SourceRunner) -> None:
    """Count once the source has been read, and ask the owner whether to begin."""
    failures = 0
    while True:
        await runner.caught_up.wait()
        try:
            counts = await _count(host, runner)
            await host.engine.source_holds.ask(number, _HELD, _shown(counts))
        except (Fault, StorageError) as error:
            _LOGGER.debug("The first plan will be counted later (%s)", error)
            runner.caught_up.clear()  # wait until the source has been read once more
        except Exception as error:  # noqa: BLE001  # a bug of ours; it is logged
            tell(error)
            random = host.engine.random
            await _pause(host.hass, _AGAIN.delay(failures, random))
            failures += 1
        else:
            return


async def _pause(hass: HomeAssistant, seconds: float) -> None:
    """Wait, using Home Assistant's timers."""
    is_over = asyncio.Event()

    @callback
    def end(now: datetime) -> None:
        is_over.set()

    stop = async_call_later(hass, seconds, end)
    try:
        await is_over.wait()
    finally:
        stop()


async def _count(host: Host, runner: SourceRunner) -> Mapping[str, int]:
    async def records() -> AsyncIterator[Sequence[Record]]:
        async for batch in runner.source.changes(None):
            yield batch.records

    return await host.engine.sweep.run(
        records(),
        enqueue=False,
        total=await runner.source.count(),
        read_whole=lambda: [runner.source.id],
    )


def _shown(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers that the repair shows."""
    differs, in_line = counts.get("differs", 0), counts.get("in_line", 0)
    return {
        "differs": differs,
        "in_line": in_line,
        "others": sum(counts.values()) - differs - in_line,
    }


async def async_hold_sources_not_the_server(host: Host) -> None:
    """Turn an earlier version's hold for a first plan into a hold of the source.

    That version switched the whole server off, and raised a repair once the plan was
    counted. The switch is off for a first plan if that repair exists, or if the plan
    has not been counted yet. Raises StorageError.
    """
    hass, entry, engine = host.hass, host.entry, host.engine
    notes = engine.notes
    asked = issues.async_asked(hass, entry, issues.PREVIEW_READY)
    issues.async_follow(hass, entry, issues.PREVIEW_READY, present=False)
    if await notes.get(_BY_SOURCE) is not None:
        return
    if Hold.SWITCH in engine.circuit.holds:
        for subentry in entry.get_subentries_of_type(SUBENTRY_STASH):
            number = subentry.subentry_id
            counted = await notes.get(f"previewed:{number}")
            if (
                subentry.data[CONF_START] != START_PREVIEW
                or not (asked or counted is None)
                or await engine.failed_jobs.is_new(number)
                or await engine.database.run(
                    partial(settled.is_any, source=number), durable=False
                )
            ):
                continue
            shown = None if counted is None else _shown(json.loads(counted))
            await engine.source_holds.hold(number, _HELD, shown)
            await engine.switch(True)
    await notes.keep(_BY_SOURCE, "yes")
