"""Actions of the PlexSync integration."""

from collections.abc import Awaitable, Callable, Coroutine
import contextlib
from dataclasses import asdict
from typing import Any

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import service
import probatio

from . import service_schemas as schemas
from .answers import job_answer, outages_answer, outcome_answer, preview_answer
from .ask_sources import find_record
from .const import DOMAIN, SOURCE_ACTION
from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .engine.by_hand import Preview
from .engine.failed import EVERYTHING, Choice
from .engine.intake import Accepted
from .engine.job import Priority
from .engine.record import Outcome, Record
from .engine.retry import Fault
from .errors import invalid, sources_away, translated_errors
from .record_input import async_record, find, identifier, rating_key, record_key
from .service_schemas import (
    ATTR_ALL,
    ATTR_FIELDS,
    ATTR_IDS,
    ATTR_KEY,
    ATTR_LIMIT,
    ATTR_OFFSET,
    ATTR_PATH,
    ATTR_RATING_KEY,
    ATTR_REASON,
    ATTR_SCOPE,
    ATTR_SINCE,
    ATTR_SOURCE,
    ATTR_STATE,
    ATTR_WAIT,
)
from .undo_run import async_undo_since
from .which_source import source_id

type Action = Callable[[PlexSyncCoordinator, ServiceCall], Awaitable[ServiceResponse]]


async def _sync_item(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Accept one record, and wait for its outcome if asked to."""
    record = await async_record(call.hass, coordinator.images, call.data)
    engine, wait = coordinator.engine, call.data[ATTR_WAIT]
    (receipt,) = await engine.submit([record], Priority.INTERACTIVE)
    if receipt.accepted is Accepted.UNCHANGED or receipt.job is None:
        answer = outcome_answer(engine, record.key, Outcome("unchanged"))
        return answer | ({"kept": dict(receipt.kept)} if receipt.kept else {})
    # Register the waiter before awaiting anything else, so that no outcome is missed.
    waiter = (
        call.hass.async_create_task(
            engine.outcomes.wait_for(SOURCE_ACTION, record.key, wait)
        )
        if wait
        else None
    )
    try:
        outcome = await engine.standing.of(SOURCE_ACTION, record.key)
        if outcome.status == "failed":
            # Whoever sends a record again that failed before wants another try.
            await engine.upkeep.retry(Choice(ids=[receipt.job]))
            outcome = await engine.standing.of(SOURCE_ACTION, record.key)
        if waiter is not None:
            outcome = await waiter
        elif outcome.status == "unchanged":
            outcome = Outcome("queued")  # as it was when it was accepted
        return outcome_answer(engine, record.key, outcome)
    finally:
        if waiter is not None:
            waiter.cancel()


async def _preview_item(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Preview what would be written for a record, or for a file that a source knows."""
    if ATTR_FIELDS in call.data:
        record = await async_record(call.hass, coordinator.images, call.data)
    else:
        given = identifier(call.data)
        if given is None or given[0] != ATTR_PATH:
            raise invalid("preview_needs_path")
        runners = coordinator.runners.values()
        found, faults = await find_record(runners, given[1])
        if isinstance(found, str):
            return preview_answer(Preview({}, found))
        if found is None and faults:
            raise sources_away(faults, len(runners))
        if found is None:
            raise invalid("record_not_found")
        record = found
    return preview_answer(await coordinator.engine.by_hand.preview(record))


async def _undo_item(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Undo what was written to one item."""
    if (given := identifier(call.data)) is None:
        raise invalid("identifier_missing")
    item, restored, kept = await coordinator.engine.undoing.undo(find(given))
    return {
        "rating_key": item.rating_key,
        "restored": list(restored),
        "kept": dict(kept),
    }


async def _undo_since(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Undo everything that was written since a time."""
    since = call.data[ATTR_SINCE].timestamp()
    return await async_undo_since(coordinator, since, call.data[ATTR_WAIT])


async def _pin_item(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Tie a record to one item by hand."""
    return await _tie(coordinator, call, rating_key(call.data[ATTR_RATING_KEY]))


async def _unpin_item(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Let a record find its item by itself again, by its files."""
    return await _tie(coordinator, call, None)


async def _tie(
    coordinator: PlexSyncCoordinator, call: ServiceCall, item: str | None
) -> ServiceResponse:
    source = source_id(coordinator, call.data.get(ATTR_SOURCE, SOURCE_ACTION))
    key = record_key(call.data[ATTR_KEY])
    await coordinator.engine.by_hand.pin(source, key, item)
    if (runner := coordinator.runners.get(source)) is not None:
        # A record that was in line with one item may have to be written to another now.
        with contextlib.suppress(Fault):
            found = (await runner.source.fresh([key])).get(key)
            if isinstance(found, Record):
                await coordinator.engine.arrivals.compare([found])
    return {"source": source, "key": key, "rating_key": item}


async def _reconcile(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Compare the sources with Plex, and enqueue the differences."""
    coordinator.reconcile.start(call.data[ATTR_SCOPE])
    return await coordinator.reconcile.answer(call.data[ATTR_WAIT])


async def _refresh_source(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Poll one source now, or all of them."""
    chosen = dict(coordinator.runners)
    if (given := call.data.get(ATTR_SOURCE)) is not None:
        source = source_id(coordinator, given)
        chosen = {number: run for number, run in chosen.items() if number == source}
    for runner in chosen.values():
        runner.hurry()
    return {"sources": len(chosen)}


async def _cancel_reconcile(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Stop the comparison."""
    return {"cancelled": await coordinator.reconcile.cancel()}


async def _get_jobs(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """List jobs."""
    data, engine = call.data, coordinator.engine
    source = data.get(ATTR_SOURCE)
    jobs, total = await engine.standing.jobs(
        state=data.get(ATTR_STATE),
        source=None if source is None else source_id(coordinator, source),
        reason=data.get(ATTR_REASON),
        limit=data[ATTR_LIMIT],
        offset=data[ATTR_OFFSET],
    )
    # The queue's clock is not the wall clock, so that changes of the time do not matter.
    ahead = engine.clock.wall() - engine.clock.steady()
    return {
        "jobs": [job_answer(job, lambda time: time + ahead) for job in jobs],
        "total": total,
    }


def _choice(call: ServiceCall) -> Choice | None:
    """Return which failed jobs are meant; None if the call does not say."""
    reason, ids = call.data.get(ATTR_REASON), call.data.get(ATTR_IDS)
    some = reason is not None or ids is not None
    if some and call.data[ATTR_ALL]:
        raise invalid("failed_jobs_contradict")
    return Choice(reason, ids) if some or call.data[ATTR_ALL] else None


async def _retry_failed(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Retry failed jobs with fresh records from their sources."""
    done = await coordinator.engine.upkeep.retry(_choice(call) or EVERYTHING)
    return asdict(done)


async def _discard_failed(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Discard failed jobs; discarding all of them has to be asked for explicitly."""
    if (choice := _choice(call)) is None:
        raise invalid("failed_jobs_unnamed")
    number = await coordinator.engine.upkeep.discard(choice)
    return {"discarded": number}


async def _reset_circuit(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Close the circuit by hand."""
    circuit = coordinator.engine.circuit
    before = str(circuit.breaker.state)
    await circuit.reset()
    return {"before": before, "circuit": str(circuit.breaker.state)}


async def _get_outages(
    coordinator: PlexSyncCoordinator, call: ServiceCall
) -> ServiceResponse:
    """Return the outage history."""
    return outages_answer(coordinator.engine)


ACTIONS: dict[str, tuple[Action, probatio.Schema, SupportsResponse]] = {
    "sync_item": (_sync_item, schemas.SYNC_ITEM, SupportsResponse.OPTIONAL),
    "preview_item": (_preview_item, schemas.PREVIEW_ITEM, SupportsResponse.OPTIONAL),
    "undo_item": (_undo_item, schemas.UNDO_ITEM, SupportsResponse.OPTIONAL),
    "undo_since": (_undo_since, schemas.UNDO_SINCE, SupportsResponse.OPTIONAL),
    "pin_item": (_pin_item, schemas.PIN_ITEM, SupportsResponse.OPTIONAL),
    "unpin_item": (_unpin_item, schemas.UNPIN_ITEM, SupportsResponse.OPTIONAL),
    "reconcile": (_reconcile, schemas.RECONCILE, SupportsResponse.OPTIONAL),
    "cancel_reconcile": (_cancel_reconcile, schemas.NOTHING, SupportsResponse.OPTIONAL),
    "refresh_source": (
        _refresh_source,
        schemas.REFRESH_SOURCE,
        SupportsResponse.OPTIONAL,
    ),
    "get_jobs": (_get_jobs, schemas.GET_JOBS, SupportsResponse.ONLY),
    "retry_failed": (_retry_failed, schemas.FAILED_JOBS, SupportsResponse.OPTIONAL),
    "discard_failed": (_discard_failed, schemas.FAILED_JOBS, SupportsResponse.OPTIONAL),
    "reset_circuit": (_reset_circuit, schemas.NOTHING, SupportsResponse.OPTIONAL),
    "get_outages": (_get_outages, schemas.NOTHING, SupportsResponse.ONLY),
}


def _handler(
    action: Action,
) -> Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]:
    """Return a handler that finds the server and raises only translated errors."""

    async def handle(call: ServiceCall) -> ServiceResponse:
        entry: PlexSyncConfigEntry = service.async_get_config_entry(
            call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
        )
        with translated_errors():
            return await action(entry.runtime_data, call)

    return handle


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, (action, schema, response) in ACTIONS.items():
        hass.services.async_register(
            DOMAIN, name, _handler(action), schema=schema, supports_response=response
        )
