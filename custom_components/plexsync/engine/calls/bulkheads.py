"""Kinds of call that fail, each shut for itself: nothing else waits for them.

A kind is named by text, of a call to Plex by its ``Purpose``: ``edits:<library>``,
``reads:<library>``, ``pictures:<library>``, ``listing:<library>``,
``collections:<library>``, ``scans:<library>``, ``source:<source>``, ``address:<host>``.
Times are monotonic seconds.
"""

from dataclasses import dataclass, field
from random import Random

from ..model.faults import Fault, FaultClass, later
from ..model.reasons import Reason

_FIRST = 1.0  # seconds between two tries in the first minute, at least
_CAP = 600.0  # and after the first hour
_SHARE = 6  # in between, a sixth of the time that it has been failing for

# How many different subjects in a row have to fail before a kind is shut. A list is
# one resource; one picture or item that fails says little of the others.
_LIMITS = {"pictures": 3, "edits": 3, "reads": 3}

_SCOPES = {
    "pictures": FaultClass.PICTURE,
    "source": FaultClass.SOURCE,
    "address": FaultClass.SOURCE,
}

REASONS = {
    "pictures": Reason.PICTURES_FAIL,
    "edits": Reason.EDITS_FAIL,
    "reads": Reason.READS_FAIL,
    "listing": Reason.LISTING_FAILS,
    "collections": Reason.COLLECTIONS_FAIL,
    "scans": Reason.SCANS_FAIL,
    "source": Reason.SOURCE_AWAY,
    "address": Reason.IMAGE_UNREACHABLE,
}


def group_of(kind: str) -> str:
    """Return the group of a kind of call, which has one kind for each library or source."""
    return kind.partition(":")[0]


def reason_of(kind: str) -> str:
    """Return the reason that is shown for what waits for a kind."""
    return REASONS[group_of(kind)]


def fault_of(kind: str) -> Fault:
    """Return the fault of whatever needs a kind of call that is shut."""
    scope = _SCOPES.get(group_of(kind), FaultClass.LIBRARY)
    return Fault(scope, reason_of(kind), kept_from=kind)


@dataclass(slots=True)
class _Trouble:
    """One kind that fails."""

    since: float
    subjects: set[str] = field(default_factory=set)
    shut: bool = False
    next_try: float = 0.0
    before: tuple[bool, float] | None = None  # shut, next try: before a long call


class Bulkheads:
    """Remember which kinds fail, and let one call through now and then."""

    def __init__(self, random: Random) -> None:
        """Begin with every kind open."""
        self._random = random
        self._troubles: dict[str, _Trouble] = {}
        self._groups: dict[str, float] = {}  # when one of its kinds may be tried
        self._reopened: set[str] = set()
        # Kinds, or whole groups, that failed before the start, of which nothing is known
        # yet. They are open.
        self.in_doubt: set[str] = set()

    def end_doubt(self) -> None:
        """Note that whatever waited for a kind before the start was tried.

        Of what has not failed again no call is needed any more. For a scan nothing waits:
        ``Scans`` ends that doubt.
        """
        fails = self._troubles.keys() | {group_of(kind) for kind in self._troubles}
        self.in_doubt = {
            each for each in self.in_doubt if each in fails or group_of(each) == "scans"
        }

    def failed(
        self,
        kind: str,
        subject: str,
        now: float,
        *,
        at_once: bool = False,
        wait: float = 0.0,
    ) -> bool:
        """Note a failure; return whether the kind is shut now.

        With ``at_once`` it is from the first one on, and with ``wait`` for so many seconds at least.
        """
        trouble = self._troubles.setdefault(kind, _Trouble(now))
        if trouble.before is not None:
            trouble.shut, trouble.before = trouble.before[0], None
        trouble.subjects.add(subject)
        limit = _LIMITS.get(group_of(kind), 1)
        trouble.shut = trouble.shut or at_once or len(trouble.subjects) >= limit
        self._tried(kind, trouble, now, wait)
        return trouble.shut

    def worked(self, kind: str) -> None:
        """Note that a call of a kind went well: it is open, whatever was before."""
        self.in_doubt -= {kind, group_of(kind)}
        trouble = self._troubles.pop(kind, None)
        if trouble is not None and trouble.shut:
            self._reopened.add(kind)

    def occupy(self, kind: str, now: float) -> None:
        """Shut a kind while a long call of it is under way."""
        trouble = self._troubles.setdefault(kind, _Trouble(now))
        trouble.before = trouble.before or (trouble.shut, trouble.next_try)
        trouble.shut, trouble.next_try = True, now + _CAP

    def free(self, kind: str) -> None:
        """Admit again those that waited for a long call.

        What it said stands; one that was cut off said nothing.
        """
        self._reopened.add(kind)
        trouble = self._troubles.get(kind)
        if trouble is None or trouble.before is None:
            return
        (trouble.shut, trouble.next_try), trouble.before = trouble.before, None
        if not trouble.subjects:
            del self._troubles[kind]

    def take_reopened(self) -> set[str]:
        """Hand over the kinds that were shut and work again: wake what waits."""
        reopened, self._reopened = self._reopened, set()
        return reopened

    def give_back(self, reopened: set[str]) -> None:
        """Keep kinds that were handed over: what waits could not be woken."""
        self._reopened |= reopened

    def admit(self, kind: str, now: float) -> bool:
        """Return whether a call may be made: the kind is open, or this is its trial."""
        trouble = self._troubles.get(kind)
        if trouble is None or not trouble.shut:
            return True
        if now < self._next_try(kind, trouble):
            return False
        # Whatever becomes of it, the next one does not follow at once.
        self._tried(kind, trouble, now)
        return True

    def is_shut(self, kind: str) -> bool:
        """Return whether a kind is shut."""
        return (trouble := self._troubles.get(kind)) is not None and trouble.shut

    def why(self, kind: str) -> Fault:
        """Return the fault of whatever needs a kind that is shut, failing or busy."""
        trouble = self._troubles.get(kind)
        if trouble is not None and trouble.before is not None and not trouble.subjects:
            return Fault(fault_of(kind).kind, Reason.UNDER_WAY, kept_from=kind)
        return fault_of(kind)

    def until(self, kind: str, now: float) -> float:
        """Return the seconds until a kind may be tried again."""
        trouble = self._troubles.get(kind)
        if trouble is None:
            return 0.0
        return max(0.0, self._next_try(kind, trouble) - now)

    def not_to_ask(self, group: str, now: float) -> frozenset[str]:
        """Name what of a group (``listing``: the libraries) must not be asked now."""
        return frozenset(
            kind.partition(":")[2]
            for kind, trouble in self._troubles.items()
            if group_of(kind) == group
            and trouble.shut
            and now < self._next_try(kind, trouble)
        )

    def failing(self) -> dict[str, float]:
        """Return since when each shut kind has been failing."""
        return {
            kind: trouble.since
            for kind, trouble in self._troubles.items()
            if trouble.shut and trouble.subjects  # a long call fails not yet
        }

    def troubled(self, group: str) -> set[str]:
        """Name the kinds of a group in which something failed since one went well."""
        return {kind for kind in self._troubles if group_of(kind) == group}

    def clear(self) -> None:
        """Forget everything: it was the server."""
        self._reopened |= {kind for kind in self._troubles if self.is_shut(kind)}
        self._troubles.clear()

    def _tried(
        self, kind: str, trouble: _Trouble, now: float, wait: float = 0.0
    ) -> None:
        whole = min(_CAP, max(_FIRST, (now - trouble.since) / _SHARE))
        trouble.next_try = now + max(wait, later(whole, self._random))
        self._groups[group_of(kind)] = trouble.next_try

    def _next_try(self, kind: str, trouble: _Trouble) -> float:
        """Return when a kind may be tried; its like in all libraries take turns."""
        group = group_of(kind)
        others = any(
            each != kind and other.shut and group_of(each) == group
            for each, other in self._troubles.items()
        )
        turn = self._groups.get(group, 0.0) if others else 0.0
        return max(trouble.next_try, turn)
