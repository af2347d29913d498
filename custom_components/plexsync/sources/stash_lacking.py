"""Options that a Stash cannot serve, because its version lacks a field."""

from collections.abc import Iterable
import logging

_LOGGER = logging.getLogger(__name__)


class Lacking:
    """Tell once of the options that a Stash cannot serve, and once when it can again."""

    def __init__(self) -> None:
        """Begin with a Stash that lacks nothing."""
        self._known: frozenset[str] = frozenset()

    def tell(self, options: Iterable[str]) -> None:
        """Take the names of these options as they are now."""
        known, self._known = self._known, frozenset(options)
        if self._known == known:
            return
        if self._known:
            _LOGGER.warning(
                "This version of Stash lacks what some options need;"
                " they have no effect: %s",
                ", ".join(sorted(self._known)),
            )
        else:
            _LOGGER.info("Stash has what all options need again")
