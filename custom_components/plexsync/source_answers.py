"""What an owner answers where a source is held, in a repair or on the review page."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from .coordinator import PlexSyncCoordinator
from .engine.holds import SourceHold

type Answer = Callable[[PlexSyncCoordinator, str], Awaitable[None]]


async def async_begin(coordinator: PlexSyncCoordinator, source: str) -> None:
    """Let a source be written, whose first plan was shown. Raises StorageError."""
    await coordinator.engine.source_holds.lift(source, SourceHold.FIRST_PLAN)


async def async_part(coordinator: PlexSyncCoordinator, source: str) -> None:
    """Let go of all records that a source has no more. Raises StorageError."""
    await coordinator.engine.gone_records.agree(source)
    coordinator.gone_watch.look_soon(source)


ANSWERS: Final[Mapping[SourceHold, Answer]] = {
    SourceHold.FIRST_PLAN: async_begin,
    SourceHold.MASS_CHANGE: async_part,
}
