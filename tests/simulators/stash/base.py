"""What every part of the core stands on: the store, the clock and the zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from pathlib import Path
import time

from .store import Store

# Not UTC, so that whoever compares times with a zone of their own fails at once.
DEFAULT_ZONE = timedelta(hours=2)

type Zone = timedelta | tzinfo  # how far from UTC, or a zone that has summers


class StashError(Exception):
    """What Stash answers as an error of a resolver.

    ``below`` is where, below the field that is resolved, it happened.
    """

    def __init__(self, message: str, below: tuple[str | int, ...] = ()) -> None:
        """Say what is wrong, and where."""
        super().__init__(message)
        self.below = below


class Kind(StrEnum):
    """The objects scenes refer to; the value is the table's name."""

    PERFORMER = "performers"
    STUDIO = "studios"
    TAG = "tags"
    GROUP = "groups"

    @property
    def noun(self) -> str:
        """The singular, as messages and routes use it."""
        return self.value.removesuffix("s")


def format_time(moment: datetime) -> str:
    """Write a moment as Go's RFC 3339 does: whole seconds, and Z for UTC."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


class Base:
    """The state's foundation."""

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        clock: Callable[[], float] = time.time,
        zone: Zone = DEFAULT_ZONE,
        separator: str = "/",
    ) -> None:
        """Open the state. ``clock`` gives Unix seconds; ``separator`` is the server's."""
        self.store = Store(path)
        self.clock = clock
        self.set_zone(zone)
        self.separator = separator
        # Scenes that cannot be read: "row", or the field whose resolver fails, by id.
        self.sick: dict[int, str] = {}
        self.sick_kinds: set[str] = set()  # whose lists cannot be read: "tags"

    def now(self) -> str:
        """Return the present as Stash writes it: local zone, whole seconds."""
        moment = datetime.fromtimestamp(self.clock(), UTC)
        return format_time(moment.astimezone(self.zone))

    def now_utc(self) -> str:
        """Return the present in UTC, as play dates are written."""
        return format_time(datetime.fromtimestamp(self.clock(), UTC))

    def set_zone(self, zone: Zone) -> None:
        """Move the server to another zone; what is written already stays as it is."""
        self.zone: tzinfo = timezone(zone) if isinstance(zone, timedelta) else zone

    def close(self) -> None:
        """Close the store."""
        self.store.close()
