"""What all flows of repairs share: what they show, and how an answer takes effect."""

from collections.abc import Awaitable, Callable
from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir

from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .engine.database import StorageError


class AskingRepairFlow(ConfirmRepairFlow):
    """Ask first, then do what the repair is about."""

    def __init__(self, entry_id: str) -> None:
        """Name the entry."""
        self._entry_id = entry_id

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show what is wrong; an answer goes on."""
        if user_input is None:
            return await super().async_step_confirm()
        return await self._async_go_on()

    async def _async_go_on(self) -> RepairsFlowResult:
        raise NotImplementedError


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
