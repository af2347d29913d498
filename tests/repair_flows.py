"""How tests open a repair and answer it, through Home Assistant's own flow manager."""

from homeassistant.components.repairs import (
    DOMAIN as REPAIRS,
    RepairsFlowManager,
    RepairsFlowResult,
    repairs_flow_manager,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueEntry
from homeassistant.setup import async_setup_component

from custom_components.plexsync.const import DOMAIN


def issue(hass: HomeAssistant, issue_id: str) -> IssueEntry | None:
    """Find a repair by its whole id."""
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


async def begin(hass: HomeAssistant, issue_id: str) -> RepairsFlowResult:
    """Open a repair."""
    assert await async_setup_component(hass, REPAIRS, {})
    return await _manager(hass).async_init(DOMAIN, context={"issue_id": issue_id})


async def answer(hass: HomeAssistant, result: RepairsFlowResult) -> RepairsFlowResult:
    """Confirm what a repair asks."""
    return await _manager(hass).async_configure(result["flow_id"], {})


def _manager(hass: HomeAssistant) -> RepairsFlowManager:
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return manager
