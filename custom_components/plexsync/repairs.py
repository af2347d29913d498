"""What the owner answers a repair with."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .engine.database import StorageError
from .issues import (
    LEDGER_LOST,
    MASS_CHANGE,
    PLEX_ENTRY_GONE,
    PREVIEW_READY,
    WRONG_SERVER,
)
from .takeover import ReconfigureRepairFlow

type Lift = Callable[[PlexSyncCoordinator], Awaitable[None]]


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Choose the flow; most repairs only want to have been read."""
    if data is not None:
        entry_id = str(data["entry_id"])
        if issue_id.startswith(f"{LEDGER_LOST}_"):
            return LedgerRepairFlow(entry_id)
        if issue_id.startswith(f"{MASS_CHANGE}_"):
            return AnswerRepairFlow(entry_id, partial(_part, str(data["source"])))
        if issue_id.startswith(f"{PREVIEW_READY}_"):
            return AnswerRepairFlow(entry_id, _begin)
        if issue_id.startswith((f"{WRONG_SERVER}_", f"{PLEX_ENTRY_GONE}_")):
            return ReconfigureRepairFlow(entry_id)
    return ConfirmRepairFlow()


async def _begin(coordinator: PlexSyncCoordinator) -> None:
    """Begin to sync."""
    await coordinator.engine.switch(True)


async def _part(source: str, coordinator: PlexSyncCoordinator) -> None:
    """Let go of all records that a source has no more."""
    await coordinator.engine.departures.agree(source)
    coordinator.departures.look_soon(source)


class AnswerRepairFlow(ConfirmRepairFlow):
    """Do what waits for the owner's word, once the owner has given it."""

    def __init__(self, entry_id: str, work: Lift) -> None:
        """Name the entry that waits, and what is to be done."""
        self._entry_id = entry_id
        self._work = work

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask first."""
        if user_input is None:
            return await super().async_step_confirm()
        return await _lift(self, self._entry_id, self._work)


class LedgerRepairFlow(RepairsFlow):
    """Ask who leads where nobody knows what was written."""

    def __init__(self, entry_id: str) -> None:
        """Name the entry that waits."""
        self._entry_id = entry_id

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show both answers."""
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        return self.async_show_menu(
            step_id="init",
            menu_options=["adopt", "lead"],
            description_placeholders=issue.translation_placeholders if issue else None,
        )

    async def async_step_adopt(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Take over what agrees; what is locked and differs stays."""
        return await self._answer(lead=False)

    async def async_step_lead(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Let the sources write once over what is locked."""
        return await self._answer(lead=True)

    async def _answer(self, *, lead: bool) -> RepairsFlowResult:
        async def lift(coordinator: PlexSyncCoordinator) -> None:
            await coordinator.engine.ledger_identity.accept(lead=lead)
            # For all items, not only for those that change from now on.
            await coordinator.reconcile.start_anew()

        return await _lift(self, self._entry_id, lift)


async def _lift(
    flow: RepairsFlow,
    entry_id: str,
    lift: Lift,
) -> RepairsFlowResult:
    """Lift what holds the worker, and end the flow."""
    entry: PlexSyncConfigEntry | None = flow.hass.config_entries.async_get_entry(
        entry_id
    )
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return flow.async_abort(reason="not_loaded")
    try:
        await lift(entry.runtime_data)
    except StorageError:
        return flow.async_abort(reason="storage_failed")
    return flow.async_create_entry(data={})
