"""Find out which item each record is about.

What is remembered costs no request; only for the rest libraries are looked through.
"""

from collections.abc import Mapping, Sequence

from ..calls.access import CallAccess
from ..calls.guarded_calls import GuardedCalls
from ..calls.judge import About, Purpose
from ..model.faults import Fault
from ..model.ports import Match, Server
from ..model.record import Find
from ..plan.lookup_result import LookupResult
from ..util.concurrency import run_all

type _Faults = Mapping[str, Fault]  # by the library that was listed; "" stands for any


class Search:
    """Give lookups a rating key and twins, or the reason why they get none.

    Raises CircuitRefusedError, and Fault where it is the server's or the token's.
    """

    def __init__(self, server: Server, access: CallAccess) -> None:
        """Take the server, and which calls may be made."""
        self._server = server
        self._access = access

    async def match(self, lookups: Sequence[LookupResult]) -> None:
        """Recall where the items are, and search for those that are not remembered."""
        if not lookups:
            return
        matches = await self._server.recall([lookup.find for lookup in lookups])
        unlisted = self._access.unlisted()
        # Each library is a search of its own: a slow one keeps no other waiting.
        unknown: dict[str, list[tuple[LookupResult, Match]]] = {}
        for lookup, match in zip(lookups, matches, strict=True):
            known = match.rating_key or match.reason
            library = (match.beyond if known else match.library) or ""
            if (known and not match.beyond) or library in unlisted:
                self._take(lookup, match, {})
            else:
                unknown.setdefault(library, []).append((lookup, match))
        await run_all(
            self._search(library, lost, unlisted) for library, lost in unknown.items()
        )

    async def catch_up(self) -> None:
        """Learn what came into the libraries, even if nothing looks for it."""
        calls, avoid = self._access.calls, self._access.unlisted()
        try:
            faults = await calls.make(
                lambda: self._server.catch_up(avoid), About(Purpose.LISTING)
            )
        except Fault:
            if calls.refused is not None:
                raise
        else:
            await _judge(calls, faults)

    async def _search(
        self,
        library: str,
        lost: Sequence[tuple[LookupResult, Match]],
        avoid: frozenset[str],
    ) -> None:
        """Search for items that may lie in one library, or in any of them.

        Each comes with what is remembered of it, which stands where that search
        comes to no end.
        """
        kind, finds = _listing(library).bulkhead, [lookup.find for lookup, _ in lost]

        async def work(calls: GuardedCalls) -> tuple[list[Match], _Faults]:
            matches, faults = await self._look_through(calls, finds, avoid)
            if library not in faults:
                self._access.worked(kind)
            return matches, faults

        found = await self._access.beside(kind, work)
        matches, faults = found or ([Match() for _ in finds], {})
        for (lookup, known), match in zip(lost, matches, strict=True):
            is_news = match.rating_key or match.reason or match.library
            self._take(lookup, match if is_news else known, faults)

    async def _look_through(
        self, calls: GuardedCalls, finds: Sequence[Find], avoid: frozenset[str]
    ) -> tuple[list[Match], _Faults]:
        try:
            matches = await calls.make(
                lambda: self._server.match(finds, avoid), About(Purpose.LISTING)
            )
        except Fault as fault:
            if calls.refused is not None:
                raise
            return [Match() for _ in finds], {"": fault}
        faults: dict[str, Fault] = {}
        for match in matches:
            if match.fault is not None:
                faults.setdefault(match.beyond or match.library or "", match.fault)
        return matches, await _judge(calls, faults)

    def _take(self, lookup: LookupResult, match: Match, faults: _Faults) -> None:
        """Write a match into its lookup."""
        lookup.candidates = match.candidates
        if match.rating_key is not None:
            lookup.rating_key, lookup.library = match.rating_key, match.library or ""
            for rating_key, library in match.twins:
                lookup.add_twin(rating_key, library)
            if match.beyond is not None:
                further = lookup.add_twin(None, match.beyond)
                further.stop(self._why_unknown(match.beyond, faults))
        elif match.reason is not None:
            lookup.miss(match.reason)
        else:
            lookup.stop(self._why_unknown(match.library or "", faults))

    def _why_unknown(self, library: str, faults: _Faults) -> Fault:
        return faults.get(library) or self._access.why_not(_listing(library).bulkhead)


def _listing(library: str) -> About:
    return About(Purpose.LISTING, library=library)


async def _judge(calls: GuardedCalls, faults: _Faults) -> dict[str, Fault]:
    """Give the faults of libraries their scope; raises one that is not a library's."""
    verdicts: dict[str, Fault] = {}
    for library, fault in faults.items():
        verdict = verdicts[library] = await calls.judged(fault, _listing(library))
        if calls.refused is not None:
            raise verdict
    return verdicts
