"""Repairs as an owner meets them: waited for, opened, answered."""

from http import HTTPStatus
from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import (
    EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED,
    IssueEntry,
)
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import flush_store
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import DOMAIN
from tests.home import until

ENTRY = "01ENTRY"
_FIX = "/api/repairs/issues/fix"


def _id(key: str, source: str) -> str:
    return f"{key}_{ENTRY}" + (f"_{source}" if source else "")


def issue(hass: HomeAssistant, key: str, source: str = "") -> IssueEntry | None:
    """Find a repair."""
    return ir.async_get(hass).async_get_issue(DOMAIN, _id(key, source))


async def until_issue(
    hass: HomeAssistant, key: str, source: str = "", *, gone: bool = False
) -> IssueEntry | None:
    """Wait until a repair is there, or is gone."""
    await until(
        hass,
        lambda: (issue(hass, key, source) is None) is gone,
        [EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED],
    )
    return issue(hass, key, source)


async def stop_home(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Unload an entry, and read the repairs afresh as a Home Assistant that starts does."""
    if entry.state is ConfigEntryState.LOADED:
        assert await hass.config_entries.async_unload(entry.entry_id)
    registry = ir.async_get(hass)
    await flush_store(registry._store)  # noqa: SLF001  # it is written minutes later
    await registry.async_load()


async def open_fix(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    key: str,
    source: str = "",
) -> dict[str, Any]:
    """Open a repair's flow and give what it shows."""
    assert await async_setup_component(hass, REPAIRS, {})
    client = await hass_client()
    response = await client.post(
        _FIX, json={"handler": DOMAIN, "issue_id": _id(key, source)}
    )
    assert response.status == HTTPStatus.OK, await response.text()
    return dict(await response.json())


async def answer_fix(
    hass_client: ClientSessionGenerator, shown: dict[str, Any], **answer: Any
) -> dict[str, Any]:
    """Answer what a repair's flow shows, and give how it goes on."""
    client = await hass_client()
    response = await client.post(f"{_FIX}/{shown['flow_id']}", json=answer)
    assert response.status == HTTPStatus.OK, await response.text()
    return dict(await response.json())


async def fix(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    key: str,
    choice: str | None = None,
    source: str = "",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Open a repair's flow, confirm it or choose, and give what it showed and how it ended."""
    shown = await open_fix(hass, hass_client, key, source)
    answer = {"next_step_id": choice} if choice else {}
    return shown, await answer_fix(hass_client, shown, **answer)
