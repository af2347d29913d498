"""How long each kind of call may take, from its first to its last instruction."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Total deadlines in seconds; tests pass shorter ones.

    ``read`` is that of many items, one alone has half of it. ``idle`` is how long a kept
    connection may be silent before it is used again; Plex closes one after 20.
    """

    probe: float = 5.0
    read: float = 20.0
    listing: float = 30.0
    edit: float = 30.0
    upload: float = 30.0
    idle: float = 15.0
