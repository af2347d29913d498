"""The engine at work on a simulated Plex."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rig import Rig, library


@pytest.fixture
async def rig(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Rig]:
    """Give a working engine and a Plex with 120 films."""
    async with library(120) as plex:
        rig = Rig(plex, tmp_path)
        await rig.start()
        yield rig
        await rig.stop()
        assert plex.whole_section_edits == 0
