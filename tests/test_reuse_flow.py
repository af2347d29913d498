"""A server of Home Assistant's own Plex integration: chosen, followed, lost and found."""

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_REAUTH,
    ConfigEntryState,
    FlowType,
)
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from plexapi.myplex import MyPlexAccount
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync.const import (
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    CONF_REUSE,
    DOMAIN,
)
from custom_components.plexsync.engine.model.holds import Hold
from tests.flows import (
    access,
    add_entry,
    add_plex_entry,
    checked,
    enter,
    reconfigure,
    start,
    suggested,
    texts,
    uuids,
)
from tests.home import call, make_entry, set_up, state_of, until, until_state
from tests.repair_flows import answer, begin, issue
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex_tv import PlexTvSimulator

REFUSES = "plex_refuses_01ENTRY"
GONE = "plex_entry_gone_01ENTRY"
PATH = "/data/films/Big Buck Bunny (2008).mp4"


async def test_reuse(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Name the server, and copy nothing of how it is reached."""
    add_plex_entry(hass, plex)
    MockConfigEntry(domain="plex", source=SOURCE_IGNORE).add_to_hass(hass)
    result = await start(hass)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["account", "reuse", "manual"]

    result = await enter(hass, result, next_step_id="reuse")
    (selector,) = result["data_schema"].schema.values()
    assert selector.config["options"] == [{"value": "sim0001", "label": "Their Plex"}]
    result = await enter(hass, result, machine_id="sim0001")
    result = await enter(hass, result, libraries=uuids(plex))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        CONF_REUSE: True,
        CONF_MACHINE_ID: "sim0001",
        CONF_LIBRARIES: uuids(plex),
    }


async def test_errors_recover(hass: HomeAssistant, plex: PlexSimulator) -> None:
    """Say what is wrong with their entry, with their token, or with their server."""
    theirs = add_plex_entry(hass, plex, url="")
    plex.core.switches.guest_token = "guest"
    result = await start(hass, "reuse")
    result = await enter(hass, result, machine_id="sim0001")
    assert result["errors"] == {"base": "plex_entry_unusable"}

    async def with_server(**server: str) -> None:
        nonlocal result
        hass.config_entries.async_update_entry(theirs, data={"server_config": server})
        result = await enter(hass, result, machine_id="sim0001")

    await with_server(url=plex.url, token="guest")
    assert result["errors"] == {"base": "read_only_token"}
    await plex.stop()
    await with_server(url=plex.url, token=plex.token)
    assert result["errors"] == {"base": "cannot_connect"}
    await plex.start()
    await with_server(url=plex.url, token=plex.token)
    assert result["step_id"] == "libraries"


async def test_from_manual_to_reuse_and_back(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Move to the Plex integration's address and token, and away from them."""
    entry = add_entry(hass, plex)
    add_plex_entry(hass, plex)
    common = {CONF_MACHINE_ID: "sim0001", CONF_LIBRARIES: uuids(plex)[:1]}

    result = await reconfigure(hass, entry)
    assert result["menu_options"] == ["account", "reuse", "address"]
    result = await enter(hass, result, next_step_id="reuse")
    assert suggested(result) == {CONF_MACHINE_ID: "sim0001"}
    result = await enter(hass, result, machine_id="sim0001")
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == {CONF_REUSE: True} | common

    result = await reconfigure(hass, entry, "address")
    assert suggested(result) == {}
    result = await enter(hass, result, url=plex.url, verify_ssl=True)
    assert result["errors"] == {CONF_TOKEN: "token_missing"}  # none is stored
    result = await enter(hass, result, **access(plex))
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert entry.data == access(plex) | common


async def test_an_entry_of_an_earlier_version_finds_its_server(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Go from the id of their entry, which a new one does not have, to the machine."""
    add_plex_entry(hass, plex)
    known = {CONF_MACHINE_ID: "sim0001", CONF_LIBRARIES: uuids(plex)[:1]}
    old = MockConfigEntry(
        domain=DOMAIN,
        unique_id="sim0001",
        version=1,
        minor_version=1,
        data={"plex_entry_id": "01DELETED", **known},
    )
    await set_up(hass, old)
    assert old.data == {CONF_REUSE: True, **known}
    assert old.minor_version == 2
    assert old.runtime_data.host.access.url == plex.url


async def test_an_entry_of_an_earlier_version_with_an_address(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Leave what stands there."""
    old = make_entry(plex, minor_version=1)
    before = dict(old.data)
    await set_up(hass, old)
    assert (old.data, old.minor_version) == (before, 2)


async def test_deleted_and_added_again(
    hass: HomeAssistant, plex: PlexSimulator, setups: list[str]
) -> None:
    """Go on with what is known, ask for an address, and find the new entry by itself."""
    theirs = add_plex_entry(hass, plex)
    entry = await set_up(hass, make_reusing(plex))
    setups.clear()
    assert issue(hass, GONE) is None
    await hass.config_entries.async_remove(theirs.entry_id)
    await hass.async_block_till_done()
    assert issue(hass, GONE) is not None
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"}, wait=10)
    assert plex.core.find(path(plex)).value("summary") == "x"

    again = add_plex_entry(hass, plex)
    hass.config_entries.async_update_entry(again, title="Added again")
    await hass.async_block_till_done()
    assert issue(hass, GONE) is None
    assert setups == []  # it is reached as before

    update = {"server_config": again.data["server_config"] | {"token": "another"}}
    hass.config_entries.async_update_entry(again, data=again.data | update)
    await hass.async_block_till_done()
    assert setups == [entry.entry_id]


async def test_nobody_knows_the_address(
    hass: HomeAssistant, plex: PlexSimulator, setups: list[str]
) -> None:
    """Load all the same: jobs are held, nobody is asked, and the entry goes on by itself."""
    entry = await set_up(hass, make_reusing(plex))
    assert setups == [entry.entry_id]
    assert entry.runtime_data.engine.circuit.holds == {Hold.ADDRESS}
    assert issue(hass, GONE) is not None
    assert state_of(hass, "sensor", "circuit").state == "closed"
    answered = await call(
        hass, "sync_item", path=path(plex), fields={"summary": "x"}, wait=1
    )
    assert (answered["status"], answered["reason"]) == ("queued", "held")
    assert entry.runtime_data.server.attempts == 0

    again = add_plex_entry(hass, plex)
    hass.config_entries.async_update_entry(again, title="Added again")
    await hass.async_block_till_done()
    assert setups == [entry.entry_id] * 2
    assert issue(hass, GONE) is None
    await until_state(hass, "sensor", "synced", "1")
    assert plex.core.find(path(plex)).value("summary") == "x"


# Core's debouncer leaves a timer behind when its entry is unloaded.
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_the_real_integration_retries_is_deleted_and_added_again(
    hass: HomeAssistant,
    plex: PlexSimulator,
    plex_tv: PlexTvSimulator,
    monkeypatch: pytest.MonkeyPatch,
    setups: list[str],
) -> None:
    """Core's own integration, not a stand-in: what it does reloads us when it matters."""

    def theirs(token: str) -> MockConfigEntry:
        server = {"url": plex.url, "token": token}
        return MockConfigEntry(
            domain="plex",
            title="Their Plex",
            unique_id="sim0001",
            data={"server": "P", "server_id": "sim0001", "server_config": server},
        )

    monkeypatch.setattr(MyPlexAccount, "key", f"{plex_tv.url}/api/v2/user")
    first = theirs(plex.token)
    await plex.stop()
    await hass.config_entries.async_add(first)
    await hass.async_block_till_done()
    assert first.state is ConfigEntryState.SETUP_RETRY
    await plex.start()
    entry = await set_up(hass, make_reusing(plex))
    await hass.config_entries.async_reload(first.entry_id)
    await hass.async_block_till_done()
    assert first.state is ConfigEntryState.LOADED
    assert setups == [entry.entry_id]

    await hass.config_entries.async_remove(first.entry_id)
    await hass.async_block_till_done()
    assert issue(hass, GONE) is not None
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.engine.circuit.holds == {Hold.ADDRESS}

    setups.clear()
    again = theirs("wrong")
    await hass.config_entries.async_add(again)
    await hass.async_block_till_done()
    assert again.state is ConfigEntryState.SETUP_ERROR
    assert setups == [entry.entry_id]
    assert issue(hass, GONE) is None
    data = dict(theirs(plex.token).data)
    hass.config_entries.async_update_entry(again, data=data)
    await hass.config_entries.async_reload(again.entry_id)
    await hass.async_block_till_done()
    assert setups == [entry.entry_id] * 2
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"}, wait=10)
    assert plex.core.find(path(plex)).value("summary") == "x"


@pytest.mark.parametrize(
    "state", [ConfigEntryState.SETUP_ERROR, ConfigEntryState.SETUP_RETRY]
)
async def test_their_entry_is_in_trouble(
    hass: HomeAssistant, plex: PlexSimulator, state: ConfigEntryState
) -> None:
    """Sync although core's own integration has given its server up."""
    theirs = add_plex_entry(hass, plex)
    theirs.mock_state(hass, state)
    await set_up(hass, make_reusing(plex))
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"}, wait=10)
    assert plex.core.find(path(plex)).value("summary") == "x"


async def test_a_borrowed_token_is_mended_where_it_is_from(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Say so in place of asking for a token that nobody would use."""
    theirs = add_plex_entry(hass, plex, token="old")
    entry = await set_up(hass, make_reusing(plex))
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"})
    await until(hass, lambda: issue(hass, REFUSES))
    assert not any(entry.async_get_active_flows(hass, {SOURCE_REAUTH}))
    said = texts()["issues"]["plex_refuses"]["description"]
    assert "Settings → Devices & services → Plex" in said
    before = dict(entry.data)
    result = checked(await entry.start_reauth_flow(hass), "config")
    assert result["reason"] == "reauth_elsewhere"
    assert entry.data == before

    ir.async_ignore_issue(hass, DOMAIN, REFUSES, True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(hass, lambda: entry.runtime_data.engine.circuit.holds == {Hold.AUTH})
    found = issue(hass, REFUSES)
    assert found is not None
    assert found.dismissed_version is not None
    server = {"url": plex.url, "token": plex.token}
    hass.config_entries.async_update_entry(theirs, data={"server_config": server})
    await until(hass, lambda: issue(hass, REFUSES) is None)
    await until_state(hass, "sensor", "synced", "1")


async def test_the_repair_leads_to_an_address(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Set the address up by hand, from the repair on."""
    entry = await set_up(hass, make_reusing(plex))
    result = await begin(hass, GONE)
    assert result["step_id"] == "confirm"
    result = await answer(hass, result)
    kind, flow_id = result["next_flow"]
    assert kind == FlowType.CONFIG_FLOW
    assert issue(hass, GONE) is not None  # until there is an address

    flow = hass.config_entries.flow.async_get(flow_id)
    assert flow["step_id"] == "reconfigure"
    form = await hass.config_entries.flow.async_configure(
        flow_id, {"next_step_id": "address"}
    )
    form = await enter(hass, form, **access(plex))
    form = await enter(hass, form, libraries=uuids(plex)[:1])
    assert form["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    await until(hass, lambda: issue(hass, GONE) is None)
    assert entry.runtime_data.engine.circuit.holds == set()


async def test_a_new_machine_that_their_entry_does_not_know(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Take it over once it stands there, and change nothing before."""
    theirs = add_plex_entry(hass, plex)
    entry = await set_up(hass, make_reusing(plex))
    before = dict(entry.data)
    plex.core.identity.machine_identifier = "sim0002"
    result = await reconfigure(hass, entry, "reuse")
    result = await enter(hass, result, machine_id="sim0001")
    assert result["step_id"] == "another_server"
    result = await enter(hass, result, next_step_id="take_over")
    assert result["reason"] == "plex_entry_old"
    assert entry.data == before

    assert await hass.config_entries.async_remove(theirs.entry_id)
    add_plex_entry(hass, plex)
    result = await reconfigure(hass, entry, "reuse")
    result = await enter(hass, result, machine_id="sim0002")
    result = await enter(hass, result, next_step_id="take_over")
    result = await enter(hass, result, libraries=uuids(plex)[:1])
    assert result["reason"] == "reconfigure_successful"
    assert entry.data[CONF_MACHINE_ID] == entry.unique_id == "sim0002"
    await until(hass, lambda: issue(hass, GONE) is None)
    await call(hass, "sync_item", path=path(plex), fields={"summary": "x"})
    await until(hass, lambda: plex.core.find(path(plex)).value("summary") == "x")


async def test_the_repair_goes_with_its_entry(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Leave nothing behind."""
    entry = await set_up(hass, make_reusing(plex))
    await hass.config_entries.async_remove(entry.entry_id)
    assert not [each for each in ir.async_get(hass).issues if each[0] == DOMAIN]


def make_reusing(plex: PlexSimulator) -> MockConfigEntry:
    """Describe an entry whose server is the Plex integration's."""
    known = {name: make_entry(plex).data[name] for name in (CONF_LIBRARIES,)}
    return MockConfigEntry(
        domain=DOMAIN,
        title="Cellar",
        entry_id="01ENTRY",
        unique_id="sim0001",
        minor_version=2,
        data={CONF_REUSE: True, CONF_MACHINE_ID: "sim0001", **known},
    )


def path(plex: PlexSimulator) -> str:
    """Name a file of the first library."""
    return str(next(iter(plex.core.items.values())).files[0])
