"""Adding a server by signing in to Plex: every error, and its correction."""

import asyncio
from collections.abc import Callable
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync.const import CONF_LIBRARIES, CONF_MACHINE_ID
from custom_components.plexsync.outside import OUTSIDE, Outside
from tests.flows import (
    access,
    add_entry,
    checked,
    enter,
    reconfigure,
    start,
    suggested,
    uuids,
)
from tests.home import until
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex_tv import (
    ACCOUNT_TOKEN,
    Connection,
    PlexTvSimulator,
    Resource,
)

DEAD = Connection("https://127.0.0.1:1", "127.0.0.1", 1)


def near(plex: PlexSimulator) -> Connection:
    """Give the address of a server as plex.tv lists it, at which only the plain one works."""
    return Connection(f"https://127.0.0.1:{plex.port}", "127.0.0.1", plex.port)


@pytest.fixture(autouse=True)
def account(
    hass: HomeAssistant, plex: PlexSimulator, plex_tv: PlexTvSimulator
) -> PlexTvSimulator:
    """Give an account with one server of its own, whose token is another than its own."""
    hass.data[OUTSIDE] = Outside(plex_tv.url, group=None, pause=0.01)
    plex.core.token = "planted-server-token"
    mine = Resource("Mine", "sim0001", plex.core.token, connections=[DEAD, near(plex)])
    plex_tv.resources = [mine]
    return plex_tv


async def settle(hass: HomeAssistant, result: ConfigFlowResult) -> ConfigFlowResult:
    """Give what a flow shows once nobody is waited for."""
    flows, number = hass.config_entries.flow, result["flow_id"]
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await until(
        hass,
        lambda: flows.async_get(number)["step_id"] != "link",
        [EVENT_DATA_ENTRY_FLOW_PROGRESSED],
    )
    # As the frontend does when it is told of progress.
    result = await flows.async_configure(number)
    await hass.async_block_till_done()
    return checked(result, "config")


async def sign_in(
    hass: HomeAssistant, plex_tv: PlexTvSimulator, result: ConfigFlowResult
) -> ConfigFlowResult:
    """Type the code that a flow shows."""
    shown = result["description_placeholders"]
    assert shown["link_page"] == "https://plex.tv/link"
    assert shown["link"].startswith("https://app.plex.tv/auth#!?clientID=plexsync-")
    plex_tv.sign_in(shown["code"])
    return await settle(hass, result)


async def test_the_whole_way(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    account: PlexTvSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Sign in, take the one server and the address that answers, keep its token alone."""
    caplog.set_level(logging.DEBUG)
    result = await sign_in(hass, account, await start(hass, "account"))
    assert result["step_id"] == "libraries"
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.data == {
        CONF_URL: plex.url,
        CONF_TOKEN: "planted-server-token",
        CONF_VERIFY_SSL: True,
        CONF_MACHINE_ID: "sim0001",
        CONF_LIBRARIES: uuids(plex)[:1],
    }
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED

    dump = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    for seen in (caplog.text, str(dump), str(hass.states.async_all())):
        assert "planted" not in seen.lower()
    assert ACCOUNT_TOKEN not in str(entry.as_dict())
    # What plex.tv was told it was told in headers, and by us alone.
    assert len({each["X-Plex-Client-Identifier"] for each in account.headers}) == 1


async def test_one_of_several_servers(
    hass: HomeAssistant, plex: PlexSimulator, account: PlexTvSimulator
) -> None:
    """Ask which one, and offer only one's own."""
    account.resources += [
        Resource("Attic", "other"),
        Resource("Theirs", "theirs", owned=False, owner="Friend"),
    ]
    result = await sign_in(hass, account, await start(hass, "account"))
    assert result["step_id"] == "server"
    (selector,) = result["data_schema"].schema.values()
    assert selector.config["options"] == [
        {"value": "sim0001", "label": "Mine"},
        {"value": "other", "label": "Attic"},
    ]
    result = await enter(hass, result, machine_id="sim0001")
    assert result["step_id"] == "libraries"


@pytest.mark.parametrize(
    ("resources", "error", "shared"),
    [
        ([], "no_servers", ""),
        ([Resource("Phone", "x", provides="player")], "no_servers", ""),
        (
            [Resource("Theirs", "t", owned=False, owner="Friend")],
            "only_shared",
            "Theirs (Friend)",
        ),
    ],
)
async def test_nothing_of_ones_own(
    hass: HomeAssistant,
    account: PlexTvSimulator,
    resources: list[Resource],
    error: str,
    shared: str,
) -> None:
    """Say whose the servers are that are there, and let another account sign in."""
    mine, account.resources = account.resources, resources
    result = await sign_in(hass, account, await start(hass, "account"))
    assert result["step_id"] == "account"
    assert result["errors"] == {"base": error}
    assert result["description_placeholders"]["shared"] == shared

    account.resources = mine
    result = await sign_in(hass, account, await enter(hass, result))
    assert result["step_id"] == "libraries"


def forget(plex_tv: PlexTvSimulator) -> None:
    """Let the codes be too old."""
    plex_tv.forget_codes()


def refuse(plex_tv: PlexTvSimulator) -> None:
    """Let the account's token be good for nothing."""
    for code in list(plex_tv.codes.values()):
        plex_tv.sign_in(code)
    plex_tv.statuses = [0, 401]


@pytest.mark.parametrize(
    ("trouble", "error"), [(forget, "plex_tv_expired"), (refuse, "plex_tv_refused")]
)
async def test_a_sign_in_that_fails(
    hass: HomeAssistant,
    account: PlexTvSimulator,
    trouble: Callable[[PlexTvSimulator], None],
    error: str,
) -> None:
    """Say why, and begin anew."""
    result = await start(hass, "account")
    trouble(account)
    result = await settle(hass, result)
    assert result["errors"] == {"base": error}
    account.statuses.clear()
    result = await sign_in(hass, account, await enter(hass, result))
    assert result["step_id"] == "libraries"


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, "plex_tv_busy"), (503, "plex_tv_unreachable"), (404, "plex_tv_unreadable")],
)
async def test_no_code_is_to_be_had(
    hass: HomeAssistant, account: PlexTvSimulator, status: int, error: str
) -> None:
    """Say why, and ask again when told to."""
    account.statuses = [status]
    result = await start(hass, "account")
    assert result["errors"] == {"base": error}
    result = await sign_in(hass, account, await enter(hass, result))
    assert result["step_id"] == "libraries"


async def test_a_blip_after_the_sign_in(
    hass: HomeAssistant, account: PlexTvSimulator
) -> None:
    """Ask for the servers again: nobody signs in twice for one blip."""
    result = await start(hass, "account")
    account.sign_in(result["description_placeholders"]["code"])
    account.statuses = [0, 503]
    result = await settle(hass, result)
    assert result["step_id"] == "libraries"


async def test_the_dialog_is_closed(
    hass: HomeAssistant, account: PlexTvSimulator
) -> None:
    """Stop asking plex.tv."""
    result = await start(hass, "account")
    await until(hass, lambda: account.asked["GET /api/v2/pins"] > 1)
    hass.config_entries.flow.async_abort(result["flow_id"])
    for _ in range(5):
        await asyncio.sleep(0)
    waiting = [
        task for task in asyncio.all_tasks() if "waits for a sign-in" in task.get_name()
    ]
    assert [task for task in waiting if not task.cancelling()] == []


async def test_no_address_answers(
    hass: HomeAssistant, plex: PlexSimulator, account: PlexTvSimulator
) -> None:
    """Offer those that plex.tv knows, and take any other one."""
    account.resources[0].connections = [DEAD]
    result = await sign_in(hass, account, await start(hass, "account"))
    assert result["step_id"] == "connection"
    assert result["errors"] == {"base": "no_address_answers"}
    selector = result["data_schema"].schema[CONF_URL]
    assert [each["value"] for each in selector.config["options"]] == [
        "https://127.0.0.1:1",
        "http://127.0.0.1:1",
    ]
    entered: dict[str, Any] = {"url": "ftp://plex", "verify_ssl": False}
    result = await enter(hass, result, **entered)
    assert result["errors"] == {CONF_URL: "invalid_url"}
    assert suggested(result) == entered
    result = await enter(hass, result, url="http://127.0.0.1:1", verify_ssl=False)
    assert result["errors"] == {"base": "cannot_connect"}
    secure = plex.url.replace("http:", "https:")
    result = await enter(hass, result, url=secure, verify_ssl=True)
    assert result["errors"] == {CONF_URL: "use_http"}
    assert suggested(result) == {CONF_URL: plex.url, CONF_VERIFY_SSL: True}

    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["step_id"] == "libraries"


async def test_a_token_of_plex_tv_that_plex_refuses(
    hass: HomeAssistant, plex: PlexSimulator, account: PlexTvSimulator
) -> None:
    """Say so, and nothing of a token that somebody typed."""
    account.resources[0].token = "another"
    result = await sign_in(hass, account, await start(hass, "account"))
    assert result["step_id"] == "connection"
    assert result["errors"] == {"base": "sign_in_refused"}
    plex.core.token = "another"
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["step_id"] == "libraries"


async def test_another_server_has_the_address(
    hass: HomeAssistant, plex: PlexSimulator, account: PlexTvSimulator
) -> None:
    """Give its token to nobody else, neither unasked nor when told to."""
    plex.core.identity.machine_identifier = "another"
    result = await sign_in(hass, account, await start(hass, "account"))
    assert result["errors"] == {"base": "no_address_answers"}
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["errors"] == {CONF_URL: "another_answers"}
    again = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert again["errors"] == result["errors"]  # as after a look at the page anew
    assert {entry.path for entry in plex.journal.entries} == {"/identity"}

    plex.core.identity.machine_identifier = "sim0001"
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["step_id"] == "libraries"


async def test_reauth(
    hass: HomeAssistant, plex: PlexSimulator, account: PlexTvSimulator
) -> None:
    """Take the entry's own server among several, keep its address, change its token."""
    account.resources.append(Resource("Attic", "other"))
    entry = add_entry(hass, plex, **access(plex, token="old"))
    before = dict(entry.data)
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, next_step_id="account")
    result = await sign_in(hass, account, result)
    assert result["reason"] == "reauth_successful"
    assert entry.data == before | {CONF_TOKEN: "planted-server-token"}


@pytest.mark.parametrize(
    ("mine", "error"),
    [
        (Resource("Mine", "sim0001", owned=False, owner="Friend"), "shared_server"),
        (Resource("Attic", "other"), "server_not_yours"),
    ],
)
async def test_reauth_with_another_account(
    hass: HomeAssistant,
    plex: PlexSimulator,
    account: PlexTvSimulator,
    mine: Resource,
    error: str,
) -> None:
    """Say that the account does not own the server, and let another one sign in."""
    right, account.resources = account.resources, [mine]
    entry = add_entry(hass, plex, **access(plex, token="old"))
    result = checked(await entry.start_reauth_flow(hass), "config")
    result = await enter(hass, result, next_step_id="account")
    result = await sign_in(hass, account, result)
    assert result["errors"] == {"base": error}

    account.resources = right
    await plex.stop()
    result = await sign_in(hass, account, await enter(hass, result))
    assert result["errors"] == {"base": "cannot_connect"}
    await plex.start()
    result = await sign_in(hass, account, await enter(hass, result))
    assert result["reason"] == "reauth_successful"
    assert entry.data[CONF_TOKEN] == "planted-server-token"


async def test_reconfigure(
    hass: HomeAssistant, plex: PlexSimulator, account: PlexTvSimulator
) -> None:
    """Find the server where it is now."""
    account.resources.append(Resource("Attic", "other"))
    entry = add_entry(hass, plex, **access(plex, url="http://127.0.0.1:1"))
    result = await reconfigure(hass, entry, "account")
    result = await sign_in(hass, account, result)
    assert result["step_id"] == "libraries"
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["reason"] == "reconfigure_successful"
    assert entry.data[CONF_URL] == plex.url
