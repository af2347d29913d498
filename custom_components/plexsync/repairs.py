"""Repair flows."""

from collections.abc import Callable
from functools import partial
from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
import probatio

from .const import DOMAIN
from .coordinator import PlexSyncCoordinator
from .engine.database.database import StorageError
from .engine.model.holds import Hold
from .issues import (
    FAILED_JOBS,
    LEDGER_LOST,
    LIBRARY_GONE,
    MASS_CHANGE,
    PLEX_ENTRY_GONE,
    PREVIEW_READY,
    SOURCE_AUTH,
    SOURCE_CERTIFICATE,
    WRONG_SERVER,
)
from .repair_flows.base import EntryRepairFlow
from .repair_flows.library_repair import LibraryRepairFlow
from .repair_flows.reconfigure_repair import (
    ReconfigureRepairFlow,
    ReconfigureSourceRepairFlow,
)
from .repair_flows.source_repairs import FirstPlanRepairFlow, MassChangeRepairFlow

# The same texts as in the form of the action that lists jobs.
_REASON = f"component.{DOMAIN}.selector.reason.options.{{}}"


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Create the flow for a repair; most repairs only need to be read."""
    if data is None:
        return ConfirmRepairFlow()
    entry_id, source = str(data["entry_id"]), str(data["source"])
    reconfigure_source = partial(ReconfigureSourceRepairFlow, entry_id, source)
    flows: dict[str, Callable[[], RepairsFlow]] = {
        FAILED_JOBS: partial(RetryRepairFlow, entry_id),
        LEDGER_LOST: partial(LedgerRepairFlow, entry_id),
        LIBRARY_GONE: partial(LibraryRepairFlow, entry_id),
        MASS_CHANGE: partial(MassChangeRepairFlow, entry_id, source),
        PLEX_ENTRY_GONE: partial(ReconfigureRepairFlow, entry_id),
        PREVIEW_READY: partial(FirstPlanRepairFlow, entry_id, source),
        SOURCE_AUTH: reconfigure_source,
        SOURCE_CERTIFICATE: reconfigure_source,
        WRONG_SERVER: partial(ReconfigureRepairFlow, entry_id),
    }
    for key, flow in flows.items():
        if issue_id.startswith(f"{key}_"):
            return flow()
    return ConfirmRepairFlow()


class RetryRepairFlow(EntryRepairFlow, ConfirmRepairFlow):
    """Show why jobs failed, and retry all of them."""

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show how many jobs failed, by reason, and continue once confirmed."""
        if user_input is not None:
            return await self._async_answer(
                lambda each: each.engine.failed_jobs.retry()
            )
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="not_loaded")
        try:
            failed = await coordinator.engine.job_status.failed()
        except StorageError:
            return self.async_abort(reason="storage_failed")
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "selector", [DOMAIN]
        )
        reasons = "\n".join(
            f"- {texts.get(_REASON.format(reason), reason)}: **{number}**"
            for reason, number in failed.items()
        )
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            description_placeholders={**self._shown, "reasons": reasons},
        )


class LedgerRepairFlow(EntryRepairFlow):
    """Ask whether Plex or the sources lead, as nobody knows what was written."""

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the two answers."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["adopt", "lead"],
            description_placeholders=self._shown,
        )

    async def async_step_adopt(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Adopt values that agree; locked values that differ stay."""
        return await self._answer(lead=False)

    async def async_step_lead(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Let the sources overwrite locked fields once."""
        return await self._answer(lead=True)

    async def _answer(self, *, lead: bool) -> RepairsFlowResult:
        async def lift(coordinator: PlexSyncCoordinator) -> None:
            if Hold.LEDGER not in coordinator.engine.circuit.holds:
                return  # it was answered in another window
            await coordinator.engine.ledger_identity.accept(lead=lead)
            # Compare all items, not only those that change from now on.
            await coordinator.reconcile.start_anew()

        return await self._async_answer(lift)
