"""Repairs that lead to the reconfigure flow of a server or a source."""

from typing import override

from homeassistant.components.repairs import FlowType, RepairsFlowResult
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigFlowContext,
    SubentryFlowContext,
)
from homeassistant.data_entry_flow import FlowResultType

from ..const import DOMAIN
from ..takeover import LOOK
from .base import AskingRepairFlow


class ReconfigureRepairFlow(AskingRepairFlow):
    """Lead to the reconfigure flow of the entry's server."""

    @override
    async def _async_go_on(self) -> RepairsFlowResult:
        """Go on in the other flow; the end of the cause ends the repair."""
        entries = self.hass.config_entries
        if entries.async_get_entry(self._entry_id) is None:
            return self.async_abort(reason="not_loaded")
        result = await entries.flow.async_init(
            DOMAIN,
            context=ConfigFlowContext(
                source=SOURCE_RECONFIGURE, entry_id=self._entry_id
            ),
            data={LOOK: True},
        )
        if result["type"] is FlowResultType.ABORT:
            if result["reason"] == "already_configured":
                return self.async_abort(reason="already_configured")
            return self.async_abort(reason="not_loaded")
        return self.async_abort(
            reason="goes_on", next_flow=(FlowType.CONFIG_FLOW, result["flow_id"])
        )


class ReconfigureSourceRepairFlow(AskingRepairFlow):
    """Lead to the reconfigure flow of a source."""

    @override
    async def _async_go_on(self) -> RepairsFlowResult:
        """Go on in the other flow; the end of the cause ends the repair."""
        coordinator = self._coordinator
        subentries = coordinator.config_entry.subentries if coordinator else {}
        if (subentry := subentries.get(self._source)) is None:
            return self.async_abort(reason="not_loaded")
        result = await self.hass.config_entries.subentries.async_init(
            (self._entry_id, subentry.subentry_type),
            context=SubentryFlowContext(
                source=SOURCE_RECONFIGURE, subentry_id=self._source
            ),
        )
        return self.async_abort(
            reason="goes_on",
            next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, result["flow_id"]),
        )
