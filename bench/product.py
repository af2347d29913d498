"""The product under the names of this checkout, or of the older one that it is held against.

`a316639` has its own names and places for what the benchmark calls; nothing else differs.
"""

from collections.abc import AsyncIterable, Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

_OLD = find_spec("custom_components.plexsync.engine.model") is None

if TYPE_CHECKING or not _OLD:
    from custom_components.plexsync.engine.circuit.breaker import State
    from custom_components.plexsync.engine.database.database import Database
    from custom_components.plexsync.engine.engine import Engine
    from custom_components.plexsync.engine.jobs.job import Priority
    from custom_components.plexsync.engine.layout import LAYOUT
    from custom_components.plexsync.engine.model.ports import (
        FetchedImage,
        Images,
        Server,
    )
    from custom_components.plexsync.engine.model.record import (
        Actor,
        Find,
        Image,
        Record,
        normalise,
    )
    from custom_components.plexsync.engine.util.clock import Clock
    from custom_components.plexsync.sources.stash.stash import StashSource

    layout = LAYOUT.beside  # the engine's database, with the tables of others
else:
    from custom_components.plexsync.engine.breaker import State
    from custom_components.plexsync.engine.clock import Clock
    from custom_components.plexsync.engine.database import Database
    from custom_components.plexsync.engine.engine import SCHEMAS, Engine
    from custom_components.plexsync.engine.ports import FetchedImage, Images, Server
    from custom_components.plexsync.engine.queue import Priority
    from custom_components.plexsync.engine.record import (
        Actor,
        Find,
        Image,
        Record,
        normalise,
    )
    from custom_components.plexsync.sources.stash import StashSource

    def layout(*schemas):
        """Give the engine's database the tables of others."""
        return *SCHEMAS, *schemas


__all__ = [
    "Actor",
    "Clock",
    "Database",
    "Engine",
    "FetchedImage",
    "Find",
    "Image",
    "Images",
    "Priority",
    "Record",
    "StashSource",
    "State",
    "layout",
    "make_engine",
    "normalise",
    "reasons",
    "sweep",
]


def make_engine(
    database: Database, server: Server, images: Images, changed: Callable[[], None]
) -> Engine:
    """Make an engine that calls ``changed`` whenever something happened."""
    told: dict[str, Any] = (
        {"listener": lambda event, data: changed()}
        if _OLD
        else {"tell": lambda event: changed()}
    )
    return Engine(database, server, images, **told)


async def reasons(engine: Any) -> dict[str, int]:
    """Count the jobs that have a reason."""
    found = engine.job_reasons() if _OLD else engine.job_status.reasons()
    return dict(await found)


async def sweep(
    engine: Any, records: AsyncIterable[Sequence[Record]], total: int
) -> dict[str, int]:
    """Compare records with Plex; give the counts."""
    run = engine.reconcile if _OLD else engine.sweep.run
    return dict(await run(records, total=total))
