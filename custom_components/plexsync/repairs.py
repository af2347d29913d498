"""What the owner answers a repair with."""

from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .coordinator import PlexSyncConfigEntry
from .engine.database import StorageError
from .issues import LEDGER_LOST


class LedgerRepairFlow(ConfirmRepairFlow):
    """Ask whether to go on with what stands in Plex now."""

    def __init__(self, entry_id: str) -> None:
        """Name the entry that waits."""
        self._entry_id = entry_id

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Adopt what stands in Plex, and lift the hold."""
        if user_input is None:
            return await super().async_step_confirm()
        entry: PlexSyncConfigEntry | None = self.hass.config_entries.async_get_entry(
            self._entry_id
        )
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        try:
            await entry.runtime_data.engine.accept_ledger()
        except StorageError:
            return self.async_abort(reason="storage_failed")
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Choose the flow; most repairs only want to have been read."""
    if issue_id.startswith(f"{LEDGER_LOST}_") and data is not None:
        return LedgerRepairFlow(str(data["entry_id"]))
    return ConfirmRepairFlow()
