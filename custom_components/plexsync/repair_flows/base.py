"""What all repair flows share: whose they are, and how an answer takes effect."""

from collections.abc import Awaitable, Callable
from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.helpers import issue_registry as ir

from ..coordinator import PlexSyncCoordinator, loaded
from ..engine.database.database import StorageError


class EntryRepairFlow(RepairsFlow):
    """A repair flow about an entry, or about one of its sources."""

    def __init__(self, entry_id: str, source: str = "") -> None:
        """Initialize the flow; without a source, it is about the entry."""
        self._entry_id = entry_id
        self._source = source

    @property
    def _coordinator(self) -> PlexSyncCoordinator | None:
        """The coordinator of the entry, if that is set up."""
        return loaded(self.hass.config_entries.async_get_entry(self._entry_id))

    @property
    def _shown(self) -> dict[str, str]:
        """The placeholders of the repair itself."""
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        return dict((issue and issue.translation_placeholders) or {})

    async def _async_answer(
        self, answer: Callable[[PlexSyncCoordinator], Awaitable[object]]
    ) -> RepairsFlowResult:
        """Carry out the owner's answer, and end the flow."""
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="not_loaded")
        try:
            await answer(coordinator)
        except StorageError:
            return self.async_abort(reason="storage_failed")
        return self.async_create_entry(data={})


class AskingRepairFlow(EntryRepairFlow, ConfirmRepairFlow):
    """A repair flow that asks for confirmation first."""

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
