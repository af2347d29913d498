"""Which kinds of call may be made now, and how long anybody waits for one."""

from collections.abc import Callable, Coroutine
import math
from typing import Any

from ..model.faults import Fault, FaultClass
from ..util.clock import Clock
from .bulkheads import Bulkheads
from .guarded_calls import GuardedCalls
from .side_calls import SideCalls


class CallAccess:
    """Guard the calls of one turn, or of one caller that waits for an answer.

    A kind of call that keeps failing is shut (see ``bulkheads``).
    """

    def __init__(
        self,
        calls: GuardedCalls,
        bulkheads: Bulkheads,
        clock: Clock,
        side_calls: SideCalls | None,
        *,
        tries: bool,
    ) -> None:
        """Take the calls to guard.

        With ``side_calls`` a call that takes long goes on beside these calls, and nobody
        waits for it. With ``tries`` a kind that is shut is tried now and then; without,
        it is left alone.
        """
        self.calls = calls
        self._bulkheads = bulkheads
        self._clock = clock
        self._side_calls = side_calls
        self._tries = tries

    def may(self, kind: str) -> bool:
        """Return whether a call of this kind may be made now."""
        return self._bulkheads.admit(kind, self._now())

    def why_not(self, kind: str) -> Fault:
        """Return the fault for whatever needs a call of this kind, while none may be made."""
        return self._bulkheads.why(kind)

    def unlisted(self) -> frozenset[str]:
        """Name the libraries, by uuid, whose contents must not be listed now."""
        return self._bulkheads.not_to_ask("listing", self._now())

    def _now(self) -> float:
        """Return the time; without ``tries`` one that lies before every next try."""
        return self._clock.monotonic() if self._tries else -math.inf

    def worked(self, kind: str) -> None:
        """Note that a call of this kind went well."""
        self._bulkheads.worked(kind)

    async def beside[T](
        self, kind: str, work: Callable[[GuardedCalls], Coroutine[Any, Any, T]]
    ) -> T | None:
        """Make a call that may take long; return None if it goes on as a side call."""
        if self._side_calls is None:
            return await work(self.calls)
        try:
            return await self._side_calls.call(kind, work)
        except Fault as fault:
            if fault.kind is FaultClass.ITEM or fault.kept_from is not None:
                raise
            # It was met by a side call, but ends these calls as well.
            self.calls.refused = self.calls.refused or fault
            raise
