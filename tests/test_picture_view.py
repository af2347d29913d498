"""Pictures of the review page: for administrators, bounded, and never anything else."""

from http import HTTPStatus
from typing import Any

from aiohttp import ClientResponse
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.util.image_bytes import MAX_IMAGE
from tests.home import (
    PLEX_ROOT,
    SOURCE,
    make_entry,
    set_up,
    stash_subentry,
    until_state,
)
from tests.rig import PNG
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.plex.state import Item
from tests.simulators.stash import StashSimulator

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"
WAIT = 20


@pytest.fixture
async def entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> MockConfigEntry:
    """Give a server whose pictures are those of its source."""
    assert await async_setup_component(hass, "auth", {})  # it signs paths
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    return entry


@pytest.fixture
def item(plex: PlexSimulator, entry: MockConfigEntry) -> Item:
    """Give an item."""
    return plex.core.find(PATH)


def of_plex(item: Item | str, kind: str = "poster", entry: str = "01ENTRY") -> str:
    """Give the address of what Plex shows."""
    key = item if isinstance(item, str) else item.rating_key
    return f"/api/plexsync/picture/{entry}/{key}?kind={kind}"


def of_source(key: str, kind: str = "poster", source: str = SOURCE) -> str:
    """Give the address of what a source has."""
    return f"/api/plexsync/wanted/01ENTRY/{source}?kind={kind}&key={key}"


async def signed(hass: HomeAssistant, sockets: Any, path: str, *token: str) -> str:
    """Sign a path as the browser does."""
    socket = await sockets(hass, *token)
    await socket.send_json_auto_id({"type": "auth/sign_path", "path": path})
    return str((await socket.receive_json())["result"]["path"])


async def test_a_picture_comes_through_home_assistant(
    hass: HomeAssistant,
    plex: PlexSimulator,
    item: Item,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """By a signed path, which no key is in; and by nobody who has none."""
    path = of_plex(item)
    anyone = await hass_client_no_auth()
    assert (await anyone.get(path)).status == HTTPStatus.UNAUTHORIZED
    address = await signed(hass, hass_ws_client, path)
    assert plex.token not in address
    answer = await anyone.get(address)
    assert answer.status == HTTPStatus.OK
    assert await answer.read() == plex.core.image(item)
    assert answer.headers["Cache-Control"].startswith("private")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type.startswith("image/")


async def test_pictures_are_for_administrators(
    hass: HomeAssistant,
    item: Item,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Another user finds nothing, however the path is signed."""
    client = await hass_client(hass_read_only_access_token)
    anyone = await hass_client_no_auth()
    for path in (of_plex(item), of_source("scene:1")):
        assert (await client.get(path)).status == HTTPStatus.NOT_FOUND
        theirs = await signed(hass, hass_ws_client, path, hass_read_only_access_token)
        assert (await anyone.get(theirs)).status == HTTPStatus.NOT_FOUND


async def test_a_source_shows_what_it_wants(
    plex: PlexSimulator, item: Item, hass_client: ClientSessionGenerator
) -> None:
    """The picture that a write would upload."""
    client = await hass_client()
    answer = await client.get(of_source("scene:1"))
    assert answer.status == HTTPStatus.OK
    assert await answer.read() == plex.core.image(item)


@pytest.mark.parametrize(
    "path",
    [
        of_plex("999"),
        of_plex("1,2"),
        of_plex("identity"),
        of_plex("1", "theme"),
        of_plex("1", entry="nobody"),
        of_source("no such"),
        of_source("scene:1", source="nobody"),
        of_source("scene:1", "theme"),
    ],
)
async def test_what_is_not_there_is_not_found(
    entry: MockConfigEntry, hass_client: ClientSessionGenerator, path: str
) -> None:
    """Of items, kinds, servers, records and sources that there are not."""
    assert (await (await hass_client()).get(path)).status == HTTPStatus.NOT_FOUND


async def test_an_item_of_another_library_is_not_shown(
    plex: PlexSimulator, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Only what PlexSync may change, its page may show."""
    other = plex.core.add_section("Private", "movie")
    hidden = plex.core.add_item(other, files=("/private/film.mkv",), title="Private")
    answer = await (await hass_client()).get(of_plex(hidden))
    assert answer.status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "code": 500},
        {"action": "status", "code": 404},
        {"action": "html200"},
        {"action": "reset_before"},
    ],
)
async def test_a_plex_that_fails_shows_no_picture(
    plex: PlexSimulator,
    entry: MockConfigEntry,
    item: Item,
    hass_client: ClientSessionGenerator,
    fault: dict[str, Any],
) -> None:
    """And nothing follows from it for the circuit: a picture proves nothing."""
    plex.faults.add(fault, path="/thumb/")
    answer: ClientResponse = await (await hass_client()).get(of_plex(item))
    assert answer.status == HTTPStatus.NOT_FOUND
    assert str(entry.runtime_data.engine.circuit.breaker.state) == "closed"


@pytest.mark.parametrize(
    "data",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html></html>", b"", b"BM" * 9],
)
async def test_only_pictures_are_shown(
    plex: PlexSimulator,
    item: Item,
    hass_client: ClientSessionGenerator,
    data: bytes,
) -> None:
    """What could run in a browser is none, whatever Plex calls it."""
    show(plex, item, data)
    answer = await (await hass_client()).get(of_plex(item))
    assert answer.status == HTTPStatus.NOT_FOUND


async def test_what_is_too_large_is_not_shown(
    plex: PlexSimulator, item: Item, hass_client: ClientSessionGenerator
) -> None:
    """No more than the limit is ever read."""
    client = await hass_client()
    show(plex, item, PNG + bytes(MAX_IMAGE - len(PNG)))
    assert (await client.get(of_plex(item))).status == HTTPStatus.OK
    show(plex, item, PNG + bytes(MAX_IMAGE - len(PNG) + 1))
    assert (await client.get(of_plex(item))).status == HTTPStatus.NOT_FOUND


async def test_plex_is_left_alone_where_nothing_may_be_asked(
    plex: PlexSimulator,
    entry: MockConfigEntry,
    item: Item,
    hass_client: ClientSessionGenerator,
) -> None:
    """A hold keeps pictures back, too; the switch does not: it is about writing."""
    client, circuit = await hass_client(), entry.runtime_data.engine.circuit
    circuit.hold(Hold.SWITCH, True)
    assert (await client.get(of_plex(item))).status == HTTPStatus.OK
    circuit.hold(Hold.WRONG_SERVER, True)
    plex.journal.clear()
    assert (await client.get(of_plex(item))).status == HTTPStatus.NOT_FOUND
    assert not plex.journal.count(path="/library/")


async def test_nothing_is_shown_of_a_server_that_is_not_loaded(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    item: Item,
    hass_client: ClientSessionGenerator,
) -> None:
    """Its page says so as well."""
    client = await hass_client()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert (await client.get(of_plex(item))).status == HTTPStatus.NOT_FOUND
    assert (await client.get(of_source("scene:1"))).status == HTTPStatus.NOT_FOUND


def show(plex: PlexSimulator, item: Item, data: bytes) -> None:
    """Let an item show other bytes."""
    images = item.images["thumb"]
    assert images.selected is not None
    plex.core.catalog.blobs[images.selected.rpartition("/")[2]] = data
