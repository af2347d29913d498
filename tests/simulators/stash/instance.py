"""The program itself: how its database stands, who may use it, what it was told to do."""

from dataclasses import dataclass, field

from .auth import Auth


@dataclass(slots=True)
class Instance:
    """What is no part of the library.

    ``status`` is OK, NEEDS_MIGRATION or SETUP; ``database_schema`` what the database
    is called if it is not what the version calls its own; ``locked`` that another
    program holds the database, so that nothing can be written.
    """

    status: str = "OK"
    database_schema: int | None = None
    locked: bool = False
    parallel_tasks: int = 0
    auth: Auth = field(default_factory=Auth)
