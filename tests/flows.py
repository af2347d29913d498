"""What the tests of the flows share, and that all a flow says stands in the translations."""

from functools import cache
import json
from pathlib import Path
import string
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import ObjectSelector, SelectSelector
import probatio
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components import plexsync
from custom_components.plexsync.config_flow import PlexSyncConfigFlow
from custom_components.plexsync.const import CONF_LIBRARIES, CONF_MACHINE_ID, DOMAIN
from tests.simulators.plex import PlexSimulator


def access(plex: PlexSimulator, **changes: Any) -> dict[str, Any]:
    """Give what a person enters for a server."""
    return {
        CONF_URL: plex.url,
        CONF_TOKEN: plex.token,
        CONF_VERIFY_SSL: True,
    } | changes


def uuids(plex: PlexSimulator) -> list[str]:
    """Name the simulator's libraries."""
    return [section.uuid for section in plex.core.sections.values()]


def add_entry(hass: HomeAssistant, plex: PlexSimulator, **data: Any) -> MockConfigEntry:
    """Add an entry that is not set up."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Simulated Plex",
        unique_id=plex.core.identity.machine_identifier,
        minor_version=PlexSyncConfigFlow.MINOR_VERSION,
        data=(data or access(plex))
        | {
            CONF_MACHINE_ID: plex.core.identity.machine_identifier,
            CONF_LIBRARIES: uuids(plex)[:1],
        },
    )
    entry.add_to_hass(hass)
    return entry


def add_plex_entry(
    hass: HomeAssistant, plex: PlexSimulator, **changes: Any
) -> MockConfigEntry:
    """Add an entry of Home Assistant's own Plex integration, not set up."""
    machine_id = plex.core.identity.machine_identifier
    entry = MockConfigEntry(
        domain="plex",
        title="Their Plex",
        unique_id=machine_id,
        data={
            "server": "Their Plex",
            "server_id": machine_id,
            "server_config": {"url": plex.url, "token": plex.token} | changes,
        },
    )
    entry.add_to_hass(hass)
    return entry


async def start(hass: HomeAssistant, way: str | None = None) -> ConfigFlowResult:
    """Begin as a person does, and choose a way in from the menu."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    checked(result, "config")
    return await enter(hass, result, next_step_id=way) if way else result


async def reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, way: str | None = None
) -> ConfigFlowResult:
    """Begin to change how a server is reached, and choose a way from the menu."""
    result = checked(await entry.start_reconfigure_flow(hass), "config")
    return await enter(hass, result, next_step_id=way) if way else result


async def enter(
    hass: HomeAssistant, result: ConfigFlowResult, **user_input: Any
) -> ConfigFlowResult:
    """Send a form, or choose from a menu by ``next_step_id``."""
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], user_input
    )
    if result["type"] in (FlowResultType.ABORT, FlowResultType.CREATE_ENTRY):
        await hass.async_block_till_done()  # what it sets up or reloads
    return checked(result, "config")


def suggested(result: Any) -> dict[str, Any]:
    """Give what a form is filled with."""
    filled: dict[str, Any] = {}
    for marker in result["data_schema"].schema:
        if marker.description:
            filled[str(marker)] = marker.description["suggested_value"]
    return filled


@cache
def texts() -> dict[str, Any]:
    """Read the translations."""
    file = Path(plexsync.__file__).parent / "translations" / "en.json"
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


def checked[T: Any](result: T, *path: str) -> T:
    """Give a flow's result, all of whose words are found in a section of the texts."""
    said = texts()
    for name in path:
        said = said[name]
    placeholders = result.get("description_placeholders") or {}
    match result["type"]:
        case FlowResultType.FORM:
            step = said["step"][result["step_id"]]
            _check_fields(result["data_schema"], step)
            # As the frontend gets it.
            assert json.dumps(
                probatio.to_field_list(
                    result["data_schema"], custom_serializer=cv.custom_serializer
                )
            )
            shown = [_words(step)]
            shown += [
                said["error"][error] for error in (result["errors"] or {}).values()
            ]
            _check_placeholders(" ".join(shown), placeholders)
        case FlowResultType.SHOW_PROGRESS:
            assert said["step"][result["step_id"]]["title"]
            _check_placeholders(
                said["progress"][result["progress_action"]], placeholders
            )
        case FlowResultType.MENU:
            step = said["step"][result["step_id"]]
            assert set(result["menu_options"]) <= set(step["menu_options"])
            _check_placeholders(_words(step), placeholders)
        case FlowResultType.ABORT if (
            result.get("translation_domain") != HOMEASSISTANT_DOMAIN
        ):
            _check_placeholders(said["abort"][result["reason"]], placeholders)
    return result


def _check_fields(schema: probatio.Schema, said: dict[str, Any]) -> None:
    for marker, selector in schema.schema.items():
        name = str(marker)
        if isinstance(selector, section):
            assert said["sections"][name]["name"]
            _check_fields(selector.schema, said["sections"][name])
            continue
        assert said["data"][name]
        assert said["data_description"][name]
        config = getattr(selector, "config", {})
        if key := config.get("translation_key"):
            words = texts()["selector"][key]
            if isinstance(selector, SelectSelector):
                assert set(config["options"]) <= set(words["options"])
            if isinstance(selector, ObjectSelector):
                assert set(config["fields"]) == set(words["fields"])


def _words(said: Any) -> str:
    if isinstance(said, str):
        return said
    return " ".join(_words(each) for each in said.values())


def _check_placeholders(text: str, given: dict[str, str]) -> None:
    wanted = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert wanted <= set(given)  # Home Assistant adds some of its own
