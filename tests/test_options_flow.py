"""The flow that changes how a server is looked after."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import probatio
import pytest

from custom_components.plexsync.const import (
    CONF_KEEP_HISTORY,
    CONF_RECORD_TITLES,
    CONF_REVIEW_PAGE,
    CONF_STALE_AFTER,
    CONF_SWEEP_AT,
)
from tests.flows import add_entry, checked, suggested
from tests.simulators.plex import PlexSimulator


async def test_options(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Change all of them, follow at once, and show them the next time."""
    entry = add_entry(hass, plex)
    assert await hass.config_entries.async_setup(entry.entry_id)
    before = entry.runtime_data
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert checked(result, "options")["step_id"] == "init"
    presets = {
        str(marker): marker.default()
        for marker in result["data_schema"].schema
        if isinstance(marker, probatio.Required)
    }
    assert presets == {
        CONF_STALE_AFTER: 6,
        CONF_KEEP_HISTORY: 30,
        CONF_RECORD_TITLES: False,
        CONF_REVIEW_PAGE: True,
    }
    assert suggested(result) == {CONF_SWEEP_AT: "05:05:00"}

    entered = {
        CONF_STALE_AFTER: 24.0,
        CONF_SWEEP_AT: "04:30:00",
        CONF_KEEP_HISTORY: 0.0,
        CONF_RECORD_TITLES: True,
        CONF_REVIEW_PAGE: False,
    }
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], entered
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == entered
    assert type(entry.options[CONF_STALE_AFTER]) is int
    await hass.async_block_till_done()
    assert entry.runtime_data is not before
    assert before.engine.common.history.days == 30
    assert entry.runtime_data.engine.common.history.days == 0

    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert suggested(result) == entered


async def test_no_nightly_sweep(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Take the time of day out, and find it empty the next time."""
    entry = add_entry(hass, plex)
    assert await hass.config_entries.async_setup(entry.entry_id)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options[CONF_SWEEP_AT] is None
    await hass.async_block_till_done()
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert CONF_SWEEP_AT in map(str, result["data_schema"].schema)
    assert CONF_SWEEP_AT not in suggested(result)


@pytest.mark.parametrize(
    "wrong",
    [
        {CONF_STALE_AFTER: 0},
        {CONF_STALE_AFTER: 169},
        {CONF_KEEP_HISTORY: -1},
        {CONF_KEEP_HISTORY: 366},
        {CONF_SWEEP_AT: "at night"},
        {CONF_SWEEP_AT: "24:00:00"},
    ],
)
async def test_bounds(
    hass: HomeAssistant, plex: PlexSimulator, wrong: dict[str, Any]
) -> None:
    """Refuse what lies outside the bounds."""
    entry = add_entry(hass, plex)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(result["flow_id"], wrong)
