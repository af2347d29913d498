"""The owner's answers to what holds a source."""

from collections.abc import Awaitable, Callable

from .coordinator import PlexSyncCoordinator
from .engine.model.holds import SourceHold

type Answer = Callable[[PlexSyncCoordinator, str], Awaitable[None]]


async def async_begin(coordinator: PlexSyncCoordinator, source: str) -> None:
    """Begin to write a source whose first plan the owner has seen. Raises StorageError.

    Until a plan is counted, nobody can have seen it.
    """
    holds = coordinator.engine.source_holds
    if holds.of(source).get(SourceHold.FIRST_PLAN) is not None:
        await holds.lift(source, SourceHold.FIRST_PLAN)


async def async_part(coordinator: PlexSyncCoordinator, source: str) -> None:
    """Let go of the records that its owner was asked about. Raises StorageError.

    An answer to a question that is gone must not be kept for the next one.
    """
    if SourceHold.MASS_CHANGE in coordinator.engine.source_holds.of(source):
        await coordinator.engine.gone_records.agree(source)
        coordinator.gone_watch.look_soon(source)
