"""What the owner answers a repair with."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .coordinator import PlexSyncConfigEntry
from .engine.database import StorageError
from .engine.engine import Engine
from .issues import LEDGER_LOST, PREVIEW_READY

# What stands in Plex is adopted as found; the jobs that were only kept are done.
LIFTS: Final[Mapping[str, Callable[[Engine], Awaitable[None]]]] = {
    LEDGER_LOST: lambda engine: engine.ledger_identity.accept(),
    PREVIEW_READY: lambda engine: engine.switch(True),
}


class HoldRepairFlow(ConfirmRepairFlow):
    """Ask whether to go on, and lift what holds the worker."""

    def __init__(
        self, entry_id: str, lift: Callable[[Engine], Awaitable[None]]
    ) -> None:
        """Name the entry that waits, and how its hold is lifted."""
        self._entry_id = entry_id
        self._lift = lift

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Lift the hold once the owner has said so."""
        if user_input is None:
            return await super().async_step_confirm()
        entry: PlexSyncConfigEntry | None = self.hass.config_entries.async_get_entry(
            self._entry_id
        )
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        try:
            await self._lift(entry.runtime_data.engine)
        except StorageError:
            return self.async_abort(reason="storage_failed")
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Choose the flow; most repairs only want to have been read."""
    if data is not None:
        for key, lift in LIFTS.items():
            if issue_id.startswith(f"{key}_"):
                return HoldRepairFlow(str(data["entry_id"]), lift)
    return ConfirmRepairFlow()
