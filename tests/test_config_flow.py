"""The flow that adds a Plex server and changes how it is reached."""

from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import instance_id
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import (
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    CONF_PLEX_ENTRY,
    DOMAIN,
)
from custom_components.plexsync.validation import InvalidInputError, normalise_url
from tests.flows import access, add_entry, checked, suggested, uuids
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator


def add_plex_entry(
    hass: HomeAssistant, plex: PlexSimulator, **changes: Any
) -> MockConfigEntry:
    """Add an entry of Home Assistant's own Plex integration, not set up."""
    entry = MockConfigEntry(
        domain="plex",
        title="Their Plex",
        unique_id=plex.core.identity.machine_identifier,
        data={"server_config": {"url": plex.url, "token": plex.token} | changes},
    )
    entry.add_to_hass(hass)
    return entry


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    """Begin as a person does."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    return checked(result, "config")


async def enter(
    hass: HomeAssistant, result: ConfigFlowResult, **user_input: Any
) -> ConfigFlowResult:
    """Send a form, or choose from a menu by ``next_step_id``."""
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], user_input
    )
    return checked(result, "config")


async def test_manual(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Add a server by its address, with the libraries that one chooses."""
    result = await start(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "manual"

    result = await enter(hass, result, **access(plex, url=f" {plex.url}/web/ "))
    assert result["step_id"] == "libraries"
    assert result["description_placeholders"] == {"server": "Simulated Plex"}
    (selector,) = result["data_schema"].schema.values()
    assert [option["label"] for option in selector.config["options"]] == [
        "Films (movie)",
        "Series (show)",
    ]

    result = await enter(hass, result, libraries=[])
    assert result["errors"] == {CONF_LIBRARIES: "choose_library"}

    with pytest.raises(InvalidData):
        await enter(hass, result, libraries=["unknown"])

    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Simulated Plex"
    entry = result["result"]
    assert entry.unique_id == "sim0001"
    assert (entry.version, entry.minor_version) == (1, 2)
    assert entry.data == access(plex) | {
        CONF_MACHINE_ID: "sim0001",
        CONF_LIBRARIES: uuids(plex)[:1],
    }
    assert entry.options == {}
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_single_library_is_chosen(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Choose the only library there is; a server without a name gets one."""
    plex.core.remove_section(plex.core.sections[2])
    plex.core.identity.friendly_name = ""
    result = await enter(hass, await start(hass), **access(plex))
    result = await enter(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Plex"
    assert result["data"][CONF_LIBRARIES] == uuids(plex)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "reset_before"}, "cannot_connect"),
        ({"action": "status", "code": 503}, "cannot_connect"),
        ({"action": "status", "code": 401}, "invalid_auth"),
        ({"action": "status", "code": 403}, "invalid_auth"),
        ({"action": "html200"}, "not_plex"),
        ({"action": "json200"}, "not_plex"),
        ({"action": "wrong_xml"}, "not_plex"),
        ({"action": "garbage"}, "not_plex"),
        ({"action": "empty200"}, "not_plex"),
        ({"action": "proxy_404"}, "not_plex"),
        ({"action": "redirect_login"}, "not_plex"),
        ({"action": "startup"}, "starting_up"),
        ({"action": "maintenance"}, "starting_up"),
        ({"action": "maintenance", "code": 200}, "starting_up"),
        ({"action": "status", "code": 409}, "cannot_connect"),
        # Who they are is told, what they have is not.
        ({"action": "status", "code": 401, "path": "sections"}, "invalid_auth"),
    ],
)
async def test_errors_recover(
    hass: HomeAssistant, plex: PlexSimulator, fault: dict[str, Any], error: str
) -> None:
    """Say what is wrong; go on as soon as it is not, without showing the token again."""
    result = await start(hass)
    plex.faults.add(fault)
    result = await enter(hass, result, **access(plex))
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": error}
    assert suggested(result) == {CONF_URL: plex.url, CONF_VERIFY_SSL: True}

    plex.faults.clear()
    result = await enter(hass, result, **access(plex))
    result = await enter(hass, result, libraries=uuids(plex))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_server_is_down(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Wait for a server that does not run."""
    result = await start(hass)
    await plex.stop()
    result = await enter(hass, result, **access(plex))
    assert result["errors"] == {"base": "cannot_connect"}

    await plex.start()
    result = await enter(hass, result, **access(plex))
    assert result["step_id"] == "libraries"


async def test_wrong_token(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Refuse a token that Plex refuses."""
    result = await enter(hass, await start(hass), **access(plex, token="wrong"))
    assert result["errors"] == {"base": "invalid_auth"}


async def test_another_kind_of_server(
    hass: HomeAssistant, stash: StashSimulator
) -> None:
    """Notice that somebody entered the address of something else."""
    result = await enter(
        hass, await start(hass), url=stash.url, token="t", verify_ssl=True
    )
    assert result["errors"] == {"base": "not_plex"}


async def test_certificate(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Speak of the connection where no TLS is spoken."""
    url = plex.url.replace("http:", "https:")
    result = await enter(hass, await start(hass), **access(plex, url=url))
    assert result["errors"] == {"base": "certificate"}


async def test_no_libraries(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Wait for a library that can be synced."""
    for section in list(plex.core.sections.values()):
        plex.core.remove_section(section)
    result = await enter(hass, await start(hass), **access(plex))
    assert result["errors"] == {"base": "no_libraries"}

    plex.core.add_section("Films")
    result = await enter(hass, result, **access(plex))
    assert result["step_id"] == "libraries"


async def test_unexpected_error(
    hass: HomeAssistant,
    plex: PlexSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Answer even to what nobody foresaw."""
    result = await start(hass)
    with patch.object(instance_id, "async_get", side_effect=RuntimeError("disk")):
        result = await enter(hass, result, **access(plex))
    assert result["errors"] == {"base": "unknown"}
    assert "RuntimeError: disk" in caplog.text
    assert plex.token not in caplog.text


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://name:word@plex:32400", "url_with_password"),
        ("name@plex:32400", "url_with_password"),
        ("ftp://plex", "invalid_url"),
        ("http://", "invalid_url"),
        ("", "invalid_url"),
        ("plex:99999", "invalid_url"),
        ("http://[::1", "invalid_url"),
    ],
)
async def test_bad_address(hass: HomeAssistant, url: str, error: str) -> None:
    """Refuse an address that is none, or that holds a password."""
    result = await enter(
        hass, await start(hass), url=url, token="token", verify_ssl=True
    )
    assert result["errors"] == {CONF_URL: error}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("plex:32400", "http://plex:32400"),
        (" http://PLEX:32400/ ", "http://plex:32400"),
        ("https://plex.example:443/", "https://plex.example"),
        ("http://plex:32400/web/index.html#!/media?key=1", "http://plex:32400"),
        ("http://host/plex/?X-Plex-Token=secret", "http://host/plex"),
        ("http://stash:9999/graphql", "http://stash:9999"),
        ("[::1]:32400", "http://[::1]:32400"),
    ],
)
def test_address_has_one_form(text: str, url: str) -> None:
    """Bring what people type and copy into one form."""
    assert normalise_url(text) == url
    assert normalise_url(url) == url


def test_input_error_names_its_field() -> None:
    """Stand at the form as a whole unless a field is to blame."""
    assert InvalidInputError("unknown").errors == {"base": "unknown"}


async def test_twice(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Refuse a server that is set up already, whichever way it is reached."""
    add_entry(hass, plex)
    result = await enter(hass, await start(hass), **access(plex))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_reuse(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Point at the entry of Home Assistant's own Plex integration, and copy nothing."""
    theirs = add_plex_entry(hass, plex)
    MockConfigEntry(domain="plex", source=SOURCE_IGNORE).add_to_hass(hass)
    result = await start(hass)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["reuse", "manual"]

    result = await enter(hass, result, next_step_id="reuse")
    (selector,) = result["data_schema"].schema.values()
    assert selector.config["options"] == [
        {"value": theirs.entry_id, "label": "Their Plex"}
    ]
    result = await enter(hass, result, plex_entry_id=theirs.entry_id)
    result = await enter(hass, result, libraries=uuids(plex))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        CONF_PLEX_ENTRY: theirs.entry_id,
        CONF_MACHINE_ID: "sim0001",
        CONF_LIBRARIES: uuids(plex),
    }


async def test_reuse_errors_recover(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Say what is wrong with their entry, or with their server."""
    theirs = add_plex_entry(hass, plex, url="")
    result = await enter(hass, await start(hass), next_step_id="reuse")
    result = await enter(hass, result, plex_entry_id=theirs.entry_id)
    assert result["errors"] == {CONF_PLEX_ENTRY: "plex_entry_unusable"}

    hass.config_entries.async_update_entry(
        theirs, data={"server_config": {"url": plex.url, "token": plex.token}}
    )
    await plex.stop()
    result = await enter(hass, result, plex_entry_id=theirs.entry_id)
    assert result["errors"] == {"base": "cannot_connect"}

    await plex.start()
    result = await enter(hass, result, plex_entry_id=theirs.entry_id)
    assert result["step_id"] == "libraries"


async def test_menu_leads_to_manual(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Enter an address although the Plex integration knows one."""
    add_plex_entry(hass, plex)
    result = await enter(hass, await start(hass), next_step_id="manual")
    assert result["step_id"] == "manual"


async def test_reauth(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Take a new token for the same server, and nothing else."""
    plex.core.token = "new-token"
    entry = add_entry(hass, plex, **access(plex, token="old"))
    before = dict(entry.data)
    result = checked(await entry.start_reauth_flow(hass), "config")
    assert result["step_id"] == "reauth_confirm"

    result = await enter(hass, result, token="old")
    assert result["errors"] == {"base": "invalid_auth"}

    result = await enter(hass, result, token=" new-token ")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entry.data == before | {CONF_TOKEN: "new-token"}


async def test_reauth_of_another_server(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Keep the token away from a server that took the place of ours."""
    entry = add_entry(hass, plex)
    before = dict(entry.data)
    plex.core.identity.machine_identifier = "another"
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, token=plex.token)
    assert result["reason"] == "wrong_server"
    assert entry.data == before


async def test_reconfigure(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Change the address, keep the token where none is entered, choose libraries anew."""
    entry = add_entry(hass, plex, **access(plex, url="http://127.0.0.1:1"))
    # Both can be open: the token is refused and somebody changes the address.
    await entry.start_reauth_flow(hass)
    result = checked(await entry.start_reconfigure_flow(hass), "config")
    assert result["step_id"] == "address"
    assert suggested(result) == {
        CONF_URL: "http://127.0.0.1:1",
        CONF_VERIFY_SSL: True,
    }

    result = await enter(hass, result, url=plex.url, token="wrong", verify_ssl=False)
    assert result["errors"] == {"base": "invalid_auth"}
    assert suggested(result) == {CONF_URL: plex.url, CONF_VERIFY_SSL: False}

    result = await enter(hass, result, url=plex.url, verify_ssl=False)
    assert result["step_id"] == "libraries"
    (marker,) = result["data_schema"].schema
    assert marker.default() == uuids(plex)[:1]

    result = await enter(hass, result, libraries=uuids(plex))
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == access(plex, verify_ssl=False) | {
        CONF_MACHINE_ID: "sim0001",
        CONF_LIBRARIES: uuids(plex),
    }


async def test_reconfigure_to_another_server(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Refuse to turn an entry into another server's."""
    entry = add_entry(hass, plex)
    before = dict(entry.data)
    plex.core.identity.machine_identifier = "another"
    result = checked(await entry.start_reconfigure_flow(hass), "config")
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["reason"] == "wrong_server"
    assert entry.data == before


async def test_reconfigure_from_manual_to_reuse_and_back(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Move to the Plex integration's address and token, and away from them."""
    entry = add_entry(hass, plex)
    theirs = add_plex_entry(hass, plex)
    common = {CONF_MACHINE_ID: "sim0001", CONF_LIBRARIES: uuids(plex)[:1]}

    result = checked(await entry.start_reconfigure_flow(hass), "config")
    assert result["menu_options"] == ["reuse", "address"]
    result = await enter(hass, result, next_step_id="reuse")
    assert suggested(result) == {}
    result = await enter(hass, result, plex_entry_id=theirs.entry_id)
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == {CONF_PLEX_ENTRY: theirs.entry_id} | common

    result = checked(await entry.start_reconfigure_flow(hass), "config")
    result = await enter(hass, result, next_step_id="reuse")
    assert suggested(result) == {CONF_PLEX_ENTRY: theirs.entry_id}
    hass.config_entries.flow.async_abort(result["flow_id"])

    result = checked(await entry.start_reconfigure_flow(hass), "config")
    result = await enter(hass, result, next_step_id="address")
    assert suggested(result) == {}
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["errors"] == {"base": "invalid_auth"}  # there is no stored token
    result = await enter(hass, result, **access(plex))
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert entry.data == access(plex) | common


async def test_stored_library_is_gone(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Preset only what still exists."""
    entry = add_entry(hass, plex)
    plex.core.remove_section(plex.core.sections[1])
    result = checked(await entry.start_reconfigure_flow(hass), "config")
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    (marker,) = result["data_schema"].schema
    assert marker.default() == []
