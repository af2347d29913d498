"""What a sign-in brings is planted, and looked for in all that can be seen or is kept."""

from collections.abc import Iterable
from datetime import timedelta
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from homeassistant.components.config import DOMAIN as CONFIG
from homeassistant.components.diagnostics import DOMAIN as DIAGNOSTICS
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.components.system_health import DOMAIN as SYSTEM_HEALTH
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import EVENT_DATA_ENTRY_FLOW_PROGRESSED
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.plexsync.connection import client_identifier
from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.outside import OUTSIDE, Outside
from custom_components.plexsync.storage import database_path
from tests.flows import enter, start, uuids
from tests.home import until
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex_tv import (
    ACCOUNT_TOKEN,
    Connection,
    PlexTvSimulator,
    Resource,
)
from tests.test_secrets import PATH, Watcher, use

WRONG = "planted-server-token-9001"
FIRST = "planted-server-token-9002"
SECOND = "planted-server-token-9003"
COMMANDS = (
    "config/device_registry/list",
    "config/entity_registry/list",
    "config_entries/flow/progress",
    "config_entries/get",
    "diagnostics/list",
    "get_config",
    "get_services",
    "get_states",
    "repairs/list_issues",
)


def listed(plex: PlexSimulator, token: str) -> Resource:
    """Give a server as plex.tv lists it, with one address that works."""
    there = Connection(f"https://127.0.0.1:{plex.port}", "127.0.0.1", plex.port)
    return Resource(
        "Mine", plex.core.identity.machine_identifier, token, connections=[there]
    )


class SignIns:
    """Sign in, and remember every code and every number that was given out."""

    def __init__(
        self, hass: HomeAssistant, plex_tv: PlexTvSimulator, watcher: Watcher
    ) -> None:
        """Begin without any."""
        self._hass = hass
        self._plex_tv = plex_tv
        self._watcher = watcher
        self.given_out: set[str] = set()

    def _note(self) -> None:
        for number, code in self._plex_tv.codes.items():
            self.given_out |= {str(number), code}

    async def _until_answered(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Give what the flow shows once plex.tv has answered."""
        flows, number = self._hass.config_entries.flow, result["flow_id"]
        self._watcher.look_around()
        await until(
            self._hass,
            lambda: flows.async_get(number)["step_id"] != "link",
            [EVENT_DATA_ENTRY_FLOW_PROGRESSED],
        )
        result = await flows.async_configure(number)
        kept = {name: result.get(name) for name in ("errors", "reason", "step_id")}
        texts = result.get("description_placeholders")
        self._watcher.see("shown", [kept, texts])
        return result

    async def too_late(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Let the codes be too old."""
        self._note()
        self._plex_tv.forget_codes()
        return await self._until_answered(result)

    async def confirm(
        self, result: ConfigFlowResult, *, by_link: bool = False
    ) -> ConfigFlowResult:
        """Follow the link that the flow shows, or type the code."""
        self._note()
        shown = result["description_placeholders"]
        (strong,) = parse_qs(shown["link"].partition("#!?")[2])["code"]
        self._plex_tv.sign_in(strong if by_link else shown["code"])
        return await self._until_answered(result)


async def kept_on_disk(hass: HomeAssistant, storage: dict[str, Any]) -> dict[str, str]:
    """Give what is kept, by the name of its file."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await hass.async_block_till_done()  # what is written a little later
    found = {name: json.dumps(data, default=repr) for name, data in storage.items()}
    for entry in hass.config_entries.async_entries(DOMAIN):
        database = database_path(hass, entry.entry_id)
        for file in await hass.async_add_executor_job(_files, database):
            content = await hass.async_add_executor_job(file.read_bytes)
            found[file.name] = content.decode("latin-1")
    return found


def _files(database: Path) -> list[Path]:
    return list(database.parent.glob(f"{database.name}*"))


def holders(kept: dict[str, str], words: Iterable[str]) -> set[str]:
    """Name the files in which one of the words stands."""
    return {name for name, text in kept.items() if any(each in text for each in words)}


async def test_no_token_of_a_sign_in_is_seen_anywhere(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    plex: PlexSimulator,
    plex_tv: PlexTvSimulator,
) -> None:
    """Sign in badly and well, and again for another token.

    The entry has the server's token; nothing has the account's.
    """
    caplog.set_level(logging.DEBUG)
    hass.data[OUTSIDE] = Outside(plex_tv.url, group=None, pause=0.01)
    for component in (CONFIG, DIAGNOSTICS, REPAIRS, SYSTEM_HEALTH):
        assert await async_setup_component(hass, component, {})
    watcher, flows = Watcher(hass, caplog), hass.config_entries.flow
    sign_ins = SignIns(hass, plex_tv, watcher)

    plex.core.token = FIRST
    plex_tv.resources = [listed(plex, WRONG)]
    result = await sign_ins.too_late(await start(hass, "account"))
    assert result["errors"] == {"base": "plex_tv_expired"}
    result = await sign_ins.confirm(await enter(hass, result), by_link=True)
    assert result["errors"] == {"base": "sign_in_refused"}
    flows.async_abort(result["flow_id"])

    plex_tv.resources = [listed(plex, FIRST)]
    result = await sign_ins.confirm(await start(hass, "account"))
    result = await enter(hass, result, libraries=uuids(plex))
    entry = result["result"]
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await use(watcher)

    plex.core.token = SECOND
    plex_tv.resources = [listed(plex, SECOND)]
    await watcher.act("sync_item", path=PATH, fields={"studio": "x"})
    await until(hass, lambda: any(entry.async_get_active_flows(hass, {SOURCE_REAUTH})))
    await hass.async_block_till_done()
    watcher.look_around()
    (flow,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    result = await flows.async_configure(flow["flow_id"], {"next_step_id": "account"})
    result = await sign_ins.confirm(result, by_link=True)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.data[CONF_TOKEN] == SECOND

    client = await hass_ws_client(hass)
    for command in COMMANDS:
        await client.send_json_auto_id({"type": command})
        answer = await client.receive_json()
        assert answer["success"], command
        watcher.see(f"answer to {command}", answer)
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    watcher.see("diagnostics", found)
    watcher.see("health", await get_system_health_info(hass, DOMAIN))
    watcher.look_around()
    kept = await kept_on_disk(hass, hass_storage)

    tokens = (ACCOUNT_TOKEN, WRONG, FIRST, SECOND)
    assert len(sign_ins.given_out) == 16  # two codes and two numbers, four times
    secrets = (*tokens, *sign_ins.given_out, await client_identifier(hass))
    assert len(watcher.shown) > 200
    assert not watcher.leaks(secrets)
    assert not [each for each in watcher.answers if any(s in each for s in secrets)]
    assert holders(kept, {SECOND}) == {"core.config_entries"}
    assert not holders(kept, {ACCOUNT_TOKEN, WRONG, FIRST, *sign_ins.given_out})
    assert f"{database_path(hass, entry.entry_id).name}" in kept
