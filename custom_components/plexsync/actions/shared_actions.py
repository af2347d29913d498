"""What actions and the review page have in common; ``data`` is what the caller sent."""

from collections.abc import Mapping
import contextlib
from dataclasses import asdict
from typing import Any

from homeassistant.util.json import JsonObjectType

from ..answers import job_answer, outages_answer
from ..const import SOURCE_ACTION
from ..coordinator import PlexSyncCoordinator
from ..engine.jobs.failed_rows import EVERYTHING, Choice
from ..engine.model.faults import Fault
from ..engine.model.record import Record
from ..errors import invalid
from .record_input import rating_key, record_key
from .schemas import (
    ATTR_ALL,
    ATTR_IDS,
    ATTR_KEY,
    ATTR_LIMIT,
    ATTR_OFFSET,
    ATTR_RATING_KEY,
    ATTR_REASON,
    ATTR_SCOPE,
    ATTR_SOURCE,
    ATTR_STATE,
    ATTR_WAIT,
)
from .which_source import source_id


async def pin_item(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Tie a record to one item by hand."""
    return await _tie(coordinator, data, rating_key(data[ATTR_RATING_KEY]))


async def unpin_item(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Let a record find its item by its files again."""
    return await _tie(coordinator, data, None)


async def _tie(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any], item: str | None
) -> JsonObjectType:
    source = source_id(coordinator, data.get(ATTR_SOURCE, SOURCE_ACTION))
    key = record_key(data[ATTR_KEY])
    await coordinator.engine.on_demand.pin(source, key, item)
    if (runner := coordinator.runners.get(source)) is not None:
        # The record may be in line with one item, but not with the other.
        with contextlib.suppress(Fault):
            found = (await runner.source.fresh([key])).get(key)
            if isinstance(found, Record):
                await coordinator.engine.arrivals.compare([found])
    return {"source": source, "key": key, "rating_key": item}


async def reconcile(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Compare the sources with Plex, and queue the differences unless only the plan is wanted."""
    coordinator.reconcile.start(data[ATTR_SCOPE])
    return await coordinator.reconcile.answer(data[ATTR_WAIT])


async def cancel_reconcile(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Stop the comparison."""
    return {"cancelled": await coordinator.reconcile.cancel()}


async def get_jobs(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """List jobs that match a filter, page by page."""
    engine = coordinator.engine
    source = data.get(ATTR_SOURCE)
    jobs, total = await engine.job_status.jobs(
        state=data.get(ATTR_STATE),
        source=None if source is None else source_id(coordinator, source),
        reason=data.get(ATTR_REASON),
        limit=data[ATTR_LIMIT],
        offset=data[ATTR_OFFSET],
    )
    # The queue has a clock of its own, which changes of the wall clock do not disturb.
    ahead = engine.clock.wall() - engine.clock.steady()
    return {
        "jobs": [job_answer(job, lambda time: time + ahead) for job in jobs],
        "total": total,
    }


def _choice(data: Mapping[str, Any]) -> Choice | None:
    """Return which failed jobs are meant; None if the data do not say."""
    reason, ids = data.get(ATTR_REASON), data.get(ATTR_IDS)
    some = reason is not None or ids is not None
    if some and data[ATTR_ALL]:
        raise invalid("failed_jobs_contradict")
    return Choice(reason, ids) if some or data[ATTR_ALL] else None


async def retry_failed(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Retry failed jobs with fresh records from their sources."""
    done = await coordinator.engine.failed_jobs.retry(_choice(data) or EVERYTHING)
    return asdict(done)


async def discard_failed(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Discard failed jobs; to discard all of them has to be asked for explicitly."""
    if (choice := _choice(data)) is None:
        raise invalid("failed_jobs_unnamed")
    number = await coordinator.engine.failed_jobs.discard(choice)
    return {"discarded": number}


async def get_outages(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Return the outage history."""
    return outages_answer(coordinator.engine)
