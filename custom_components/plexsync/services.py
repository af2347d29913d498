"""Actions of the PlexSync integration."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
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
from homeassistant.util.json import JsonObjectType
import probatio

from .actions import schemas
from .actions.history_answer import (
    async_history,
    async_source_of_history,
    bounds,
    chosen_fields,
)
from .actions.record_input import async_record, find, identifier
from .actions.schemas import ATTR_FIELDS, ATTR_PATH, ATTR_SOURCE, ATTR_WAIT
from .actions.shared_actions import (
    cancel_reconcile,
    discard_failed,
    get_jobs,
    get_outages,
    pin_item,
    reconcile,
    retry_failed,
    unpin_item,
)
from .actions.shared_plan import get_plan
from .actions.undo_run import async_undo_item, async_undo_since
from .actions.which_source import source_id
from .answers import outcome_answer, preview_answer
from .ask_sources import find_record
from .const import DOMAIN, SOURCE_ACTION
from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .engine.jobs.failed_rows import Choice
from .engine.jobs.job import Priority
from .engine.model.outcome import Outcome
from .engine.on_demand import Preview
from .errors import invalid, sources_away, translated_errors

type Action = Callable[
    [PlexSyncCoordinator, Mapping[str, Any]], Awaitable[JsonObjectType]
]


async def _sync_item(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Accept one record, and wait for its outcome if asked to."""
    record = await async_record(coordinator.hass, coordinator.host.images, data)
    engine, wait = coordinator.engine, data[ATTR_WAIT]
    (receipt,) = await engine.submit([record], Priority.INTERACTIVE)
    if receipt.job is None:
        answer = outcome_answer(engine, record.key, Outcome("unchanged"))
        return answer | ({"kept": dict(receipt.kept)} if receipt.kept else {})
    # Register the waiter before awaiting anything else, so that no outcome is missed.
    waiter = (
        coordinator.hass.async_create_task(
            engine.outcomes.wait_for(SOURCE_ACTION, record.key, wait)
        )
        if wait
        else None
    )
    try:
        outcome = await engine.job_status.of(SOURCE_ACTION, record.key)
        if outcome.status == "failed":
            # Whoever sends a record again that failed before wants another try.
            await engine.failed_jobs.retry(Choice(ids=[receipt.job]))
            outcome = await engine.job_status.of(SOURCE_ACTION, record.key)
        if waiter is not None:
            outcome = await waiter
        elif outcome.status == "unchanged":
            outcome = Outcome("queued")  # as it was when it was accepted
        return outcome_answer(engine, record.key, outcome)
    finally:
        if waiter is not None:
            waiter.cancel()


async def _preview_item(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Preview what would be written for a record, or for a file that a source knows."""
    if ATTR_FIELDS in data:
        record = await async_record(coordinator.hass, coordinator.host.images, data)
    else:
        given = identifier(data)
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
    return preview_answer(await coordinator.engine.on_demand.preview(record))


async def _undo_item(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Undo what was written to one item."""
    if (given := identifier(data)) is None:
        raise invalid("identifier_missing")
    which = chosen_fields(data.get(ATTR_FIELDS))
    return await async_undo_item(coordinator, find(given), which)


async def _undo_since(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Undo everything that was written since a time, or within bounds."""
    since, until = bounds(data)
    assert since is not None
    if (source := data.get(ATTR_SOURCE)) is not None:
        source = await async_source_of_history(coordinator, source)
    wait = data[ATTR_WAIT]
    return await async_undo_since(coordinator, since, wait, until, source)


async def _refresh_source(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Poll one source now, or all of them."""
    chosen = dict(coordinator.runners)
    if (given := data.get(ATTR_SOURCE)) is not None:
        source = source_id(coordinator, given)
        chosen = {number: run for number, run in chosen.items() if number == source}
    for runner in chosen.values():
        runner.hurry()
    return {"sources": len(chosen)}


async def _reset_circuit(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Close the circuit by hand."""
    circuit = coordinator.engine.circuit
    before = str(circuit.breaker.state)
    await circuit.reset()
    return {"before": before, "circuit": str(circuit.breaker.state)}


ACTIONS: dict[str, tuple[Action, probatio.Schema, SupportsResponse]] = {
    "sync_item": (_sync_item, schemas.SYNC_ITEM, SupportsResponse.OPTIONAL),
    "preview_item": (_preview_item, schemas.PREVIEW_ITEM, SupportsResponse.OPTIONAL),
    "undo_item": (_undo_item, schemas.UNDO_ITEM, SupportsResponse.OPTIONAL),
    "undo_since": (_undo_since, schemas.UNDO_SINCE, SupportsResponse.OPTIONAL),
    "pin_item": (pin_item, schemas.PIN_ITEM, SupportsResponse.OPTIONAL),
    "unpin_item": (unpin_item, schemas.UNPIN_ITEM, SupportsResponse.OPTIONAL),
    "reconcile": (reconcile, schemas.RECONCILE, SupportsResponse.OPTIONAL),
    "cancel_reconcile": (cancel_reconcile, schemas.NOTHING, SupportsResponse.OPTIONAL),
    "refresh_source": (
        _refresh_source,
        schemas.REFRESH_SOURCE,
        SupportsResponse.OPTIONAL,
    ),
    "get_history": (async_history, schemas.GET_HISTORY, SupportsResponse.ONLY),
    "get_jobs": (get_jobs, schemas.GET_JOBS, SupportsResponse.ONLY),
    "get_plan": (get_plan, schemas.GET_PLAN, SupportsResponse.ONLY),
    "retry_failed": (retry_failed, schemas.FAILED_JOBS, SupportsResponse.OPTIONAL),
    "discard_failed": (discard_failed, schemas.FAILED_JOBS, SupportsResponse.OPTIONAL),
    "reset_circuit": (_reset_circuit, schemas.NOTHING, SupportsResponse.OPTIONAL),
    "get_outages": (get_outages, schemas.NOTHING, SupportsResponse.ONLY),
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
            return await action(entry.runtime_data, call.data)

    return handle


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, (action, schema, response) in ACTIONS.items():
        hass.services.async_register(
            DOMAIN, name, _handler(action), schema=schema, supports_response=response
        )
