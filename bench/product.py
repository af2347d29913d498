"""The product under the names of this checkout, or of the older one that it is held against.

`a316639` has its own names for what the benchmark calls; nothing else differs.
"""

from collections.abc import AsyncIterable, Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from custom_components.plexsync.engine.database import Database
from custom_components.plexsync.engine.engine import Engine
from custom_components.plexsync.engine.ports import Images, Server
from custom_components.plexsync.engine.record import Record

_ENGINE = "custom_components.plexsync.engine"
_OLD = find_spec(f"{_ENGINE}.job") is None

if TYPE_CHECKING:
    from custom_components.plexsync.engine.job import Priority
else:
    Priority = import_module(f"{_ENGINE}.queue" if _OLD else f"{_ENGINE}.job").Priority

__all__ = ["Priority", "make_engine", "reasons", "sweep"]


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
