"""What the first run of a source would change, counted once before it does."""

from collections.abc import AsyncIterator, Sequence
import json
import logging
from typing import TYPE_CHECKING

from . import issues
from .engine.database import StorageError
from .engine.holds import Hold
from .engine.record import Record
from .engine.retry import Fault
from .sources.runner import SourceRunner

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)


async def async_preview_first_plan(
    coordinator: PlexSyncCoordinator, number: str, runner: SourceRunner
) -> None:
    """Count as soon as the source has been read, and ask the owner whether to begin."""
    while True:
        await runner.caught_up.wait()
        try:
            if await coordinator.engine.notes.get(f"previewed:{number}") is None:
                await _count(coordinator, number, runner)
        except (Fault, StorageError) as error:
            _LOGGER.debug("The first plan is counted later (%s)", error)
            runner.caught_up.clear()  # until the source has been read once more
        else:
            return


async def _count(
    coordinator: PlexSyncCoordinator, number: str, runner: SourceRunner
) -> None:
    async def records() -> AsyncIterator[Sequence[Record]]:
        async for batch in runner.source.changes(None):
            yield batch.records

    engine = coordinator.engine
    counts = await engine.sweep.run(
        records(), enqueue=False, total=await runner.source.count()
    )
    await engine.notes.keep(f"previewed:{number}", json.dumps(counts))
    if Hold.SWITCH in engine.circuit.holds:
        issues.async_preview_ready(coordinator.hass, coordinator.config_entry, counts)
