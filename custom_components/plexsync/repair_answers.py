"""What all flows of repairs share: what they show, and how an answer takes effect."""

from collections.abc import Awaitable, Callable

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir

from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .engine.database import StorageError

type Answer = Callable[[PlexSyncCoordinator], Awaitable[None]]


def shown(flow: RepairsFlow) -> dict[str, str]:
    """Give what the repair itself shows."""
    issue = ir.async_get(flow.hass).async_get_issue(flow.handler, flow.issue_id)
    return dict((issue and issue.translation_placeholders) or {})


def loaded(flow: RepairsFlow, entry_id: str) -> PlexSyncCoordinator | None:
    """Give the coordinator of an entry, None where it is not set up."""
    entry: PlexSyncConfigEntry | None = flow.hass.config_entries.async_get_entry(
        entry_id
    )
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data


async def async_answer(
    flow: RepairsFlow, entry_id: str, answer: Answer
) -> RepairsFlowResult:
    """Do what the owner said, and end the flow."""
    if (coordinator := loaded(flow, entry_id)) is None:
        return flow.async_abort(reason="not_loaded")
    try:
        await answer(coordinator)
    except StorageError:
        return flow.async_abort(reason="storage_failed")
    return flow.async_create_entry(data={})
