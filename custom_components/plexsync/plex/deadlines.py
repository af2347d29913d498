"""The total time that each kind of call may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Total deadlines in seconds; tests pass shorter ones.

    ``read`` is for many items; a single item has half of it. ``idle`` is how long a kept
    connection may be idle and still be reused; Plex closes it after 20 s.
    """

    probe: float = 5.0
    read: float = 20.0
    listing: float = 30.0
    edit: float = 30.0
    upload: float = 30.0
    idle: float = 15.0
