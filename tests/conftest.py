"""What tests share: our integration within Home Assistant, and the servers around it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
import time
from typing import get_args
from unittest.mock import patch

from homeassistant.components.http import HomeAssistantHTTP
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
import pytest

# Home Assistant only finds it if it is imported before the first ``hass``.
import custom_components.plexsync  # noqa: F401
from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.outside import OUTSIDE, Outside
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator, Switches, from_films
from tests.simulators.plex.switches import TagMode
from tests.simulators.plex_tv import PlexTvSimulator
from tests.simulators.stash import StashCore, StashSimulator, load_films

_FILMS = FILMS[:12]
TAG_MODES = get_args(TagMode)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the whole suite run against a Plex that appends to its lists."""
    parser.addoption("--tag-mode", choices=TAG_MODES, default=Switches.section_default)


def pytest_configure(config: pytest.Config) -> None:
    """Make every simulated Plex of this run take lists of tags that way."""
    Switches.section_default = config.getoption("tag_mode")


@pytest.fixture(params=TAG_MODES)
def tag_mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run once for each of what an index in a list may mean; with `usefixtures`, so that it comes first."""
    monkeypatch.setattr(Switches, "section_default", request.param)
    return str(request.param)


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave asyncio's debug mode to ``--asyncio-debug``; the plugin would switch it on.

    It notes the stack of each call, which takes half of a test's processor time.
    """


# The plugin has these two for each test, with mocks, which take a tenth of a small test.


@pytest.fixture(autouse=True, scope="session")
def disable_http_server() -> Iterator[None]:
    """Let no Home Assistant of a test serve HTTP."""

    async def nothing(server: HomeAssistantHTTP) -> None:
        pass

    with (
        patch.object(HomeAssistantHTTP, "async_bind", nothing),
        patch.object(HomeAssistantHTTP, "start", nothing),
    ):
        yield


@pytest.fixture(autouse=True, scope="session")
def skip_stop_scripts() -> Iterator[None]:
    """Let no Home Assistant of a test wait for scripts as it stops."""
    wait = "homeassistant.helpers.script._schedule_stop_scripts_after_shutdown"
    with patch(wait, lambda hass: None):
        yield


@pytest.fixture(autouse=True)
def custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load ours, in tests that have one."""
    if "hass" in request.fixturenames:
        if "recorder_mock" in request.fixturenames:
            request.getfixturevalue("recorder_mock")  # it has to come before ``hass``
        request.getfixturevalue("enable_custom_integrations")
        # Nothing outside is there, unless a test puts it there.
        hass = request.getfixturevalue("hass")
        hass.data[OUTSIDE] = Outside(plex_tv="http://127.0.0.1:1", group=None)


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Keep our files out of the plugin's own folder."""
    Path(hass_tmp_config_dir, ".storage").mkdir()
    return hass_tmp_config_dir


@pytest.fixture
async def plex(socket_enabled: None) -> AsyncIterator[PlexSimulator]:
    """Give a Plex with 12 films in one library, and a library of shows without any."""
    async with PlexSimulator() as simulator:
        from_films(simulator.core, [{"path": film.path} for film in _FILMS])
        simulator.core.add_section("Series", "show")
        yield simulator


@pytest.fixture
async def stash(socket_enabled: None) -> AsyncIterator[StashSimulator]:
    """Give a Stash that has known the same films for an hour, below another folder.

    Covers that are as new as their scenes would be asked for once more.
    """
    core = StashCore(clock=lambda: time.time() - 3600)
    load_films(core, films=_FILMS)
    core.clock = time.time
    async with StashSimulator(core) as simulator:
        yield simulator
    core.close()


@pytest.fixture
async def plex_tv(socket_enabled: None) -> AsyncIterator[PlexTvSimulator]:
    """Give a plex.tv whose account knows no server yet."""
    async with PlexTvSimulator() as simulator:
        yield simulator


@pytest.fixture
async def setups(hass: HomeAssistant) -> AsyncIterator[list[str]]:
    """Give a list that grows whenever an entry of ours is set up."""
    found: list[str] = []

    @callback
    def heard(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN and entry.state is ConfigEntryState.SETUP_IN_PROGRESS:
            found.append(entry.entry_id)

    stop = async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, heard)
    yield found
    stop()
