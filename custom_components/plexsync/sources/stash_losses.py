"""What a poll can tell of things that are gone: no time moves, but there are fewer."""

from collections.abc import Mapping

BACK = "back"


class StashLosses:
    """Compare how many of each kind there are from one wide look to the next.

    ``lost`` names the kinds of which there are fewer; and ``back``, where the newest
    scene is older than the newest one was: a database that was restored. Whoever reads
    them takes them away. The first look only counts.
    """

    def __init__(self) -> None:
        """Know of no look."""
        self.lost: set[str] = set()
        self._counts: dict[str, int] = {}
        self._newest: str | None = None

    def see(self, counts: Mapping[str, int], newest: str) -> None:
        """Take what a wide look brought; ``newest`` is the greatest raw time of a scene.

        Raw times are compared as Stash orders them: as text.
        """
        self.lost |= {
            kind for kind, count in counts.items() if count < self._counts.get(kind, 0)
        }
        if self._newest is not None and newest < self._newest:
            self.lost.add(BACK)
        self._counts |= counts
        self._newest = newest
