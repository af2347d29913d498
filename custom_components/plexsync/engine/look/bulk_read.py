"""Read many items in few requests, and find the one that spoils the answer for all."""

from collections import deque
from collections.abc import Mapping
from functools import partial
from itertools import batched

from ..calls.access import CallAccess
from ..calls.guarded_calls import CircuitRefusedError
from ..calls.judge import About, Purpose
from ..model.faults import Fault, FaultClass
from ..model.ports import Items
from ..model.reasons import Reason
from ..util.concurrency import run_all
from .common import Common

AT_ONCE = 8  # reads of single items side by side
_HALVINGS = 3  # failed requests to begin with, and for each that went well


class BulkReader:
    """Read items in full, as many in one request as go well together."""

    def __init__(self, common: Common, access: CallAccess) -> None:
        """Take the shared parts, and which calls may be made."""
        self._server = common.server
        self._bulk = common.bulk
        self._now = common.clock.monotonic
        self._access = access
        self._calls = access.calls
        self.slowed: set[str] = set()  # items at whose own read Plex asked us to wait

    async def read(
        self, keys: Mapping[str, str], known: Mapping[str, bytes] | None = None
    ) -> Items:
        """Read items, given as rating key → library; ``known`` as in ``Server.read``.

        Raises CircuitRefusedError, and Fault where it is the server's or the token's.
        The fault of a single item stands in ``Items.faults``.
        """
        found = Items()
        alone = await self._read_together(keys, known, found)

        async def read_some() -> None:
            while alone and self._calls.refused is None:
                await self._read_alone(*alone.popitem(), found)

        await run_all(read_some() for _ in range(min(AT_ONCE, len(alone))))
        if alone:
            raise CircuitRefusedError  # what was not read is not known to be missing
        return found

    async def _read_together(
        self, keys: Mapping[str, str], known: Mapping[str, bytes] | None, found: Items
    ) -> dict[str, str]:
        """Read as many items as possible together; return those to be read alone.

        When one item spoils the answer for all, halving finds it. When that would
        take long, or hardly anything goes well, every item left is read alone.
        """
        bulk, alone = self._bulk, dict[str, str]()
        if len(keys) == 1 or bulk.is_off(self._now()):
            return dict(keys)
        waiting = deque(batched(keys, bulk.most, strict=False))
        good = failed = 0
        while waiting:
            part = waiting.popleft()
            if len(part) == 1 or failed > _HALVINGS * (good + 1):
                alone |= {key: keys[key] for key in part}
                continue
            try:
                ask = partial(self._server.read, part, known)
                found.add(await self._calls.make(ask, About(Purpose.READ)))
                good += 1
            except Fault as fault:
                if fault.throttled:
                    bulk.turn_off(self._now())
                if self._calls.refused is not None:
                    raise
                failed += 1
                if fault.reason == Reason.TOO_LONG:
                    bulk.most = len(part) // 2
                if fault.unreachable:
                    alone |= {key: keys[key] for key in part}
                else:
                    half = (len(part) + 1) // 2
                    waiting.extendleft(batched(part, half, strict=False))
        return alone

    async def _read_alone(self, key: str, library: str, found: Items) -> None:
        about = About(Purpose.READ, key, library)
        if not self._access.may(about.bulkhead):
            found.faults[key] = self._access.why_not(about.bulkhead)
            return
        try:
            ask = partial(self._server.read, [key])
            found.add(await self._calls.make(ask, about))
        except Fault as fault:
            if self._calls.refused is not None:
                if fault.throttled:
                    self.slowed.add(key)
                raise
            if fault.kind is not FaultClass.ITEM or fault.reason != Reason.NOT_FOUND:
                found.faults[key] = fault
