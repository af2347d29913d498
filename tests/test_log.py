"""What a user reads in the log of a real Home Assistant: each thing once, and nothing private."""

from pathlib import Path
import re

import pytest

from tests.hass_process import HassProcess, hass_process, until
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

pytestmark = pytest.mark.timeout(240)

_LINE = re.compile(r"^\S+ \S+ (?P<level>[A-Z]+) \([^)]*\) \[(?P<logger>[^]]+)\] ")
_OURS = "custom_components.plexsync"
# What Home Assistant warns of here: that pip is skipped, that ours is a custom
# integration, and that a library is not there.
_KNOWN = {"homeassistant.bootstrap", "homeassistant.loader", "aiohttp_fast_zlib"}


def lines(process: HassProcess) -> list[str]:
    """Give what our loggers said, as level and text; nobody else may complain."""
    said = []
    for line in process.program.output.read_text().splitlines():
        match = _LINE.match(line)
        assert match, line  # a traceback has lines of its own
        if match["logger"].startswith(_OURS):
            said.append(f"{match['level']} {line[match.end() :]}")
        else:
            assert match["logger"] in _KNOWN, line
    return said


async def outage(process: HassProcess, plex: PlexSimulator) -> None:
    """Take Plex down, leave work waiting, let probes fail, and bring it back."""
    await plex.stop()
    for film in FILMS[:3]:
        await process.act(
            "sync_item",
            path=f"/data/films/{film.path}",
            fields={"title": f"{film.title}, restored"},
        )
    await process.until_state("sensor.circuit", "open")
    await until(lambda: process.stored()["step"] >= 1)
    await plex.start()
    await process.until_state("sensor.circuit", "closed")
    await process.until_state("sensor.pending", "0")


async def test_each_loss_and_each_recovery_is_told_once(
    tmp_path: Path, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Set up, synced, out and back, stopped: no warning, no title, no path, no secret."""
    stash.auth.api_key = "a-secret-key"
    async with hass_process(tmp_path) as process:
        await process.start()
        await process.set_up(plex, stash)
        await process.until_state("sensor.pending", "0")
        await process.until_state("sensor.synced", "12")
        assert lines(process) == []

        await outage(process, plex)
        await stash.stop()
        await process.act("refresh_source")
        await process.until_state("binary_sensor.source", "off")
        await stash.start()
        await process.act("refresh_source")
        await process.until_state("binary_sensor.source", "on")
        process.program.stop()

        assert lines(process) == [
            f"WARNING {plex.core.identity.friendly_name}: the circuit is open (refused)",
            f"INFO {plex.core.identity.friendly_name}: the circuit is half_open (recovery)",
            f"INFO {plex.core.identity.friendly_name}: the circuit is closed (recovery)",
            "WARNING Source Stash (127.0.0.1) is not available: unreachable",
            "INFO Source Stash (127.0.0.1) is available again",
        ]
        output = process.program.output.read_text()
    private = [plex.token, stash.auth.api_key, "/data/films", "/media/films"]
    assert not [each for each in private if each in output]
    assert not [film.title for film in FILMS[:12] if film.title in output]
