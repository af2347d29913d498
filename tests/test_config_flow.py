"""The flow that adds a Plex server by its address: every error, and its correction."""

from http import HTTPStatus
import logging
from pathlib import Path
import socket
import threading
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState, FlowType
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import instance_id
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import CONF_LIBRARIES, CONF_MACHINE_ID
from custom_components.plexsync.errors import InvalidInputError
from custom_components.plexsync.flows.plex_validation import normalise_plex_url
from custom_components.plexsync.flows.validation import normalise_url
from custom_components.plexsync.outside import OUTSIDE, Outside
from tests.flows import access, add_entry, enter, start, suggested, uuids
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator
from tests.tls import behind_tls


async def test_manual(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Add a server by its address, with the libraries that one chooses."""
    result = await start(hass)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["account", "manual"]
    result = await enter(hass, result, next_step_id="manual")
    assert result["step_id"] == "manual"

    result = await enter(hass, result, **access(plex, url=f" {plex.url}/web/ "))
    assert result["step_id"] == "libraries"
    assert result["description_placeholders"] == {"server": "Simulated Plex"}
    (selector,) = result["data_schema"].schema.values()
    assert [option["label"] for option in selector.config["options"]] == [
        "Films",
        "Series",
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


async def test_the_flow_goes_on_to_the_first_source(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Lead on to the form that adds a Stash: a server alone does nothing."""
    result = await enter(hass, await start(hass, "manual"), **access(plex))
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    kind, flow_id = result["next_flow"]
    assert kind is FlowType.CONFIG_SUBENTRIES_FLOW
    flow = hass.config_entries.subentries.async_get(flow_id)
    assert flow["handler"] == (result["result"].entry_id, "stash")
    assert flow["step_id"] == "user"


async def test_the_browser_is_told_of_the_first_source(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, plex: PlexSimulator
) -> None:
    """Answer the frontend as it wants it: where to go on, and for which entry."""
    for component in ("config", "websocket_api"):
        assert await async_setup_component(hass, component, {})
    client, path = await hass_client(), "/api/config/config_entries/flow"

    async def post(path: str, **data: Any) -> dict[str, Any]:
        response = await client.post(path, json=data)
        assert response.status == HTTPStatus.OK
        return dict(await response.json())

    result = await post(path, handler="plexsync")
    path = f"{path}/{result['flow_id']}"
    await post(path, next_step_id="manual")
    await post(path, **access(plex))
    result = await post(path, libraries=uuids(plex)[:1])
    kind, flow_id = result["next_flow"]
    assert kind == "config_subentries_flow"
    assert result["result"]["domain"] == "plexsync"
    response = await client.get(f"/api/config/config_entries/subentries/flow/{flow_id}")
    shown = await response.json()
    assert shown["handler"] == [result["result"]["entry_id"], "stash"]
    assert shown["type"] == "form"


async def test_two_libraries_of_one_name(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say which is which by the folder."""
    plex.core.add_section("Films", locations=["/data/more"])
    result = await enter(hass, await start(hass, "manual"), **access(plex))
    (selector,) = result["data_schema"].schema.values()
    assert [option["label"] for option in selector.config["options"]] == [
        "Films (/data/films)",
        "Series",
        "Films (/data/more)",
    ]


async def test_single_library_is_chosen(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Choose the only library there is; a server without a name gets one."""
    plex.core.remove_section(plex.core.sections[2])
    plex.core.identity.friendly_name = ""
    result = await enter(hass, await start(hass, "manual"), **access(plex))
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
    result = await start(hass, "manual")
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
    result = await start(hass, "manual")
    await plex.stop()
    result = await enter(hass, result, **access(plex))
    assert result["errors"] == {"base": "cannot_connect"}

    await plex.start()
    result = await enter(hass, result, **access(plex))
    assert result["step_id"] == "libraries"


async def test_wrong_token(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Refuse a token that Plex refuses."""
    result = await enter(
        hass, await start(hass, "manual"), **access(plex, token="wrong")
    )
    assert result["errors"] == {"base": "invalid_auth"}


async def test_another_kind_of_server(
    hass: HomeAssistant, stash: StashSimulator
) -> None:
    """Notice that somebody entered the address of something else."""
    result = await enter(
        hass, await start(hass, "manual"), url=stash.url, token="t", verify_ssl=True
    )
    assert result["errors"] == {"base": "not_plex"}


async def test_a_plain_server_is_asked_securely(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Offer the address at which it answers, and keep the token."""
    url = plex.url.replace("http:", "https:")
    result = await enter(hass, await start(hass, "manual"), **access(plex, url=url))
    assert result["errors"] == {CONF_URL: "use_http"}
    assert suggested(result) == {CONF_URL: plex.url, CONF_VERIFY_SSL: True}
    assert result["description_placeholders"]["other_url"] == plex.url

    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["step_id"] == "libraries"


async def test_a_server_that_wants_secure_connections(
    hass: HomeAssistant, plex: PlexSimulator, tmp_path: Path
) -> None:
    """Say "use https", then speak of the certificate, then go on without looking at it."""
    with behind_tls(plex.url, tmp_path) as url:
        plain = url.replace("https:", "http:")
        result = await enter(
            hass, await start(hass, "manual"), **access(plex, url=plain)
        )
        assert result["errors"] == {CONF_URL: "use_https"}
        assert suggested(result)[CONF_URL] == url

        result = await enter(hass, result, url=url, verify_ssl=True)
        assert result["errors"] == {"base": "certificate"}
        assert suggested(result) == {CONF_URL: url, CONF_VERIFY_SSL: True}

        result = await enter(hass, result, url=url, verify_ssl=False)
        assert result["step_id"] == "libraries"
        result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["data"][CONF_TOKEN] == plex.token


async def test_a_port_where_plex_is_not(
    hass: HomeAssistant, plex: PlexSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offer the port at which Plex answers on that machine."""
    monkeypatch.setattr(
        "custom_components.plexsync.flows.plex_validation.PORT", plex.port
    )
    result = await enter(
        hass, await start(hass, "manual"), **access(plex, url="http://127.0.0.1:1")
    )
    assert result["errors"] == {CONF_URL: "other_port"}
    assert suggested(result)[CONF_URL] == plex.url
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["step_id"] == "libraries"


async def test_a_token_that_may_only_read(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say so before there is an entry, without changing anything."""
    plex.core.switches.guest_token = "planted-guest-token"
    result = await enter(
        hass, await start(hass, "manual"), **access(plex, token="planted-guest-token")
    )
    assert result["errors"] == {"base": "read_only_token"}
    assert plex.journal.count(method="PUT") == 0

    result = await enter(hass, result, **access(plex))
    assert result["step_id"] == "libraries"


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "code": 403, "path": "^/accounts"},
        {"action": "status", "code": 401, "path": "^/myplex"},
        {"action": "status", "code": 404, "path": "^/(accounts|myplex)"},
        {"action": "status", "code": 500, "path": "^/(accounts|myplex)"},
    ],
)
async def test_one_no_is_not_enough_to_refuse_a_token(
    hass: HomeAssistant, plex: PlexSimulator, fault: dict[str, Any]
) -> None:
    """Go on where a proxy or an old version keeps one of the lists from everybody."""
    plex.faults.add(fault)
    result = await enter(hass, await start(hass, "manual"), **access(plex))
    assert result["step_id"] == "libraries"


async def test_a_server_that_wants_no_token(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Ask for a token only where one is wanted."""
    result = await enter(
        hass, await start(hass, "manual"), url=plex.url, verify_ssl=True
    )
    assert result["errors"] == {CONF_TOKEN: "token_missing"}

    plex.core.switches.require_token = False
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["data"][CONF_TOKEN] == ""


async def test_what_was_typed_survives_every_error(
    hass: HomeAssistant, plex: PlexSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Keep the token over errors, never show it again, and let another one replace it."""
    caplog.set_level(logging.DEBUG)
    token, plex.core.token = "planted-typed-token", "planted-other-token"
    result = await start(hass, "manual")
    result = await enter(
        hass, result, url="http://name:word@plex", token=token, verify_ssl=False
    )
    assert result["errors"] == {CONF_URL: "url_with_password"}
    assert suggested(result)[CONF_VERIFY_SSL] is False
    result = await enter(hass, result, url=plex.url, verify_ssl=False)
    assert result["errors"] == {"base": "invalid_auth"}

    plex.core.token = token
    result = await enter(hass, result, url=plex.url, verify_ssl=False)
    assert result["step_id"] == "libraries"
    assert token not in caplog.text
    assert token not in str(hass.config_entries.flow.async_progress())


def answer_once(sock: socket.socket, *answers: bytes) -> threading.Thread:
    """Answer the first call that a socket hears."""

    def serve() -> None:
        _, caller = sock.recvfrom(100)
        for answer in answers:
            sock.sendto(answer, caller)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


async def test_servers_on_the_network_are_suggested(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Offer those that are not set up yet, and take any other address as well."""
    add_entry(hass, plex)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
        near.bind(("127.0.0.1", 0))
        where = near.getsockname()
        hass.data[OUTSIDE] = Outside(group=where, listens=0.3)
        thread = answer_once(
            near,
            b"HTTP/1.0 200 OK\r\nName: Cellar\r\nPort: 32400\r\nOdd: a:b:c\r\n"
            b"Resource-Identifier: other\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nName: Ours\r\nResource-Identifier: sim0001\r\n",
        )
        result = await start(hass, "manual")
        thread.join()
    selector = result["data_schema"].schema[CONF_URL]
    assert selector.config["custom_value"] is True
    url = "http://127.0.0.1:32400"
    assert selector.config["options"] == [{"value": url, "label": f"Cellar ({url})"}]

    result = await enter(hass, result, **access(plex))
    assert result["reason"] == "already_configured"


async def test_no_libraries(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Wait for a library that can be synced."""
    for section in list(plex.core.sections.values()):
        plex.core.remove_section(section)
    result = await enter(hass, await start(hass, "manual"), **access(plex))
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
    result = await start(hass, "manual")
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
        ("[:x:1]:32400", "invalid_url"),
        ("[::1]@", "invalid_url"),
        ("xn--", "invalid_url"),
    ],
)
async def test_bad_address(hass: HomeAssistant, url: str, error: str) -> None:
    """Refuse an address that is none, or that holds a password."""
    result = await enter(
        hass, await start(hass, "manual"), url=url, token="token", verify_ssl=True
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


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("plex", "http://plex:32400"),
        ("https://plex.example", "https://plex.example:32400"),
        ("https://plex.example:443/web/index.html#!/", "https://plex.example:443"),
        ("http://plex:80", "http://plex:80"),
        ("[::1]", "http://[::1]:32400"),
        ("http://host/plex/", "http://host:32400/plex"),
        ("host:8443/plex", "http://host:8443/plex"),
    ],
)
def test_without_a_port_plexs_own_is_meant(text: str, url: str) -> None:
    """Name the port in every address, so that one that was left out is told from 80."""
    assert normalise_plex_url(text) == url
    assert normalise_plex_url(url) == url


def test_input_error_names_its_field() -> None:
    """Stand at the form as a whole unless a field is to blame."""
    assert InvalidInputError("unknown").errors == {"base": "unknown"}


async def test_twice(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Refuse a server that is set up already, whichever way it is reached."""
    add_entry(hass, plex)
    result = await enter(hass, await start(hass, "manual"), **access(plex))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
