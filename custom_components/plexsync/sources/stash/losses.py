"""Detect deleted objects in polls: no time changes, but there are fewer objects."""

from collections.abc import Mapping

BACK = "back"


class StashLosses:
    """Compare the number of objects of each kind from one wide look to the next.

    ``lost`` has the kinds of which there are fewer objects, and ``back`` if the newest
    scene is older than the newest one was before: then the database was restored. Whoever
    reads them has to remove them. The first look only counts.
    """

    def __init__(self) -> None:
        """Initialize without counts."""
        self.lost: set[str] = set()
        self._counts: dict[str, int] = {}
        self._newest: str | None = None

    def see(self, counts: Mapping[str, int], newest: str) -> None:
        """Process the counts of a wide look; ``newest`` is the latest raw time of a scene.

        Raw times are compared as text, as Stash does.
        """
        self.lost |= {
            kind for kind, count in counts.items() if count < self._counts.get(kind, 0)
        }
        if self._newest is not None and newest < self._newest:
            self.lost.add(BACK)
        self._counts |= counts
        self._newest = newest
