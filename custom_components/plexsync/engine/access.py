"""Which kinds of call may be made now, and how long anybody waits for one."""

from collections.abc import Awaitable, Callable

from .aside import Aside
from .bulkheads import Bulkheads
from .clock import Clock
from .contact import Contact
from .retry import Fault, FaultClass


class CallAccess:
    """Guard the calls that go through one contact.

    A kind of call that keeps failing is shut (see ``bulkheads``).
    """

    def __init__(
        self,
        contact: Contact,
        bulkheads: Bulkheads,
        clock: Clock,
        aside: Aside | None,
        *,
        tries: bool,
    ) -> None:
        """Take what to guard.

        With ``aside`` nobody waits for a call that takes long. With ``tries`` a kind
        that is shut is tried now and then; without, it is left alone.
        """
        self.contact = contact
        self._bulkheads = bulkheads
        self._clock = clock
        self._aside = aside
        self._tries = tries

    def may(self, kind: str) -> bool:
        """Return whether a call of this kind may be made now."""
        if self._tries:
            return self._bulkheads.admit(kind, self._clock.monotonic())
        return not self._bulkheads.is_shut(kind)

    def why_not(self, kind: str) -> Fault:
        """Return the fault of what needs a kind of call that may not be made."""
        return self._bulkheads.why(kind)

    def unlisted(self) -> frozenset[str]:
        """Name the libraries, by uuid, whose contents must not be listed now."""
        now = self._clock.monotonic()
        return self._bulkheads.shut("listing", now if self._tries else None)

    def worked(self, kind: str) -> None:
        """Note that a call of this kind went well."""
        self._bulkheads.worked(kind)

    async def beside[T](
        self, kind: str, work: Callable[[Contact], Awaitable[T]]
    ) -> T | None:
        """Make a call that may take long; return None if it goes on without us."""
        if self._aside is None:
            return await work(self.contact)
        try:
            return await self._aside.call(kind, work)
        except Fault as fault:
            if fault.kind is FaultClass.ITEM or fault.kept_from is not None:
                raise
            # It was met on another contact, but ends the calls of this one as well.
            self.contact.refused = self.contact.refused or fault
            raise
