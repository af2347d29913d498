"""What the tests of the flow that adds a Stash share: what is entered, and by whom."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import SUBENTRY_STASH
from custom_components.plexsync.sources.stash.options import StashOptions
from tests.flows import checked
from tests.home import until
from tests.simulators.stash import StashSimulator

MAPPING = [{"source": "/media", "plex": "/data"}]
NOTHING = [{"source": "/media", "plex": "/elsewhere"}]
FOUND = {"found": "12", "total": "12"}
FIELDS: dict[str, Any] = {
    "text": {
        "title": "mirror",
        "summary": "mirror",
        "date": "mirror",
        "user_rating": "mirror",
        "studio": "mirror",
        "code_to": "nowhere",
    },
    "people": {"actors": "mirror", "directors": "mirror", "role": "nothing"},
    "tags": {"genres": "mirror"},
    "collections": {"collections": "mirror", "studio_collection": False},
    "pictures": {"poster": "mirror", "background": "off"},
    "scenes": {"organized_only": False},
}
EMPTY: dict[str, Any] = {name: {} for name in FIELDS}
DATA: dict[str, Any] = {
    "verify_ssl": True,
    "path_mappings": MAPPING,
    "fields": StashOptions().as_dict(),
    "start": "preview",
    "poll_slowest": 30,
}


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    """Begin as a person does."""
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_STASH), context={"source": SOURCE_USER}
    )
    return checked(result, "config_subentries", SUBENTRY_STASH)


async def enter(
    hass: HomeAssistant, result: SubentryFlowResult, **user_input: Any
) -> SubentryFlowResult:
    """Send a form, and wait while Plex is asked."""
    flows, number = hass.config_entries.subentries, result["flow_id"]
    result = await flows.async_configure(number, user_input)
    checked(result, "config_subentries", SUBENTRY_STASH)
    while result["type"] is FlowResultType.SHOW_PROGRESS:
        await until(
            hass,
            lambda: flows.async_get(number)["step_id"] != "compare",
            [EVENT_DATA_ENTRY_FLOW_PROGRESSED],
        )
        result = await flows.async_configure(number)
    return checked(result, "config_subentries", SUBENTRY_STASH)


async def reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str
) -> SubentryFlowResult:
    """Begin to change a subentry."""
    result = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    return checked(result, "config_subentries", SUBENTRY_STASH)


async def add(
    hass: HomeAssistant, entry: MockConfigEntry, stash: StashSimulator, **given: Any
) -> str:
    """Add a Stash by the flow; return the id of its subentry."""
    known = set(entry.subentries)
    result = await enter(hass, await start(hass, entry), url=stash.url, **given)
    result = await enter(hass, result, path_mappings=MAPPING)
    result = await enter(hass, result, **FIELDS)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    (new,) = set(entry.subentries) - known
    return new


def keys(result: SubentryFlowResult) -> list[str]:
    """Name what a form asks."""
    return [str(marker) for marker in result["data_schema"].schema]


def shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a subentry holds, but for the digests that tell its Stash."""
    return {name: value for name, value in data.items() if name != "marks"}
