"""What all repair flows share: what they show, and how an answer takes effect."""

from collections.abc import Awaitable, Callable
from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir

from ..coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from ..engine.database.database import StorageError


class AskingRepairFlow(ConfirmRepairFlow):
    """A repair flow that asks for confirmation first."""

    def __init__(self, entry_id: str) -> None:
        """Initialize the flow for an entry."""
        self._entry_id = entry_id

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show what is wrong, and continue once confirmed."""
        if user_input is None:
            return await super().async_step_confirm()
        return await self._async_go_on()

    async def _async_go_on(self) -> RepairsFlowResult:
        raise NotImplementedError


type Answer = Callable[[PlexSyncCoordinator], Awaitable[None]]


def shown(flow: RepairsFlow) -> dict[str, str]:
    """Return the placeholders of the repair itself."""
    issue = ir.async_get(flow.hass).async_get_issue(flow.handler, flow.issue_id)
    return dict((issue and issue.translation_placeholders) or {})


def loaded(flow: RepairsFlow, entry_id: str) -> PlexSyncCoordinator | None:
    """Return the coordinator of an entry, None if the entry is not set up."""
    entry: PlexSyncConfigEntry | None = flow.hass.config_entries.async_get_entry(
        entry_id
    )
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data


async def async_answer(
    flow: RepairsFlow, entry_id: str, answer: Answer
) -> RepairsFlowResult:
    """Carry out the owner's answer, and end the flow."""
    if (coordinator := loaded(flow, entry_id)) is None:
        return flow.async_abort(reason="not_loaded")
    try:
        await answer(coordinator)
    except StorageError:
        return flow.async_abort(reason="storage_failed")
    return flow.async_create_entry(data={})
