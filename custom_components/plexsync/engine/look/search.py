"""Find out which item each record is about.

What is remembered costs no request; only for the rest libraries are looked through.
"""

from collections.abc import Iterable, Mapping, Sequence

from ..calls.access import CallAccess
from ..calls.guarded_calls import GuardedCalls
from ..calls.judge import About, Purpose
from ..model.faults import Fault
from ..model.ports import Match, Server
from ..model.record import Find
from ..plan.lookup_result import LookupResult
from ..util.concurrency import run_all


class Search:
    """Give lookups a rating key and twins, or the reason why they get none."""

    def __init__(self, server: Server, access: CallAccess) -> None:
        """Take whom to ask, and what may be asked."""
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
            library = match.beyond if known else match.library
            if (known and not match.beyond) or (library or "") in unlisted:
                self._take(lookup, match, {})
            else:
                unknown.setdefault(kind_of(library), []).append((lookup, match))
        await run_all(self._search(kind, of, unlisted) for kind, of in unknown.items())

    async def catch_up(self) -> None:
        """Learn what came into the libraries, even if nothing looks for it.

        Raises CircuitRefusedError, and Fault where it is the server's or the token's.
        """
        calls, avoid = self._access.calls, self._access.unlisted()
        try:
            faults = await calls.make(
                lambda: self._server.catch_up(avoid), About(Purpose.LISTING)
            )
        except Fault:
            if calls.refused is not None:
                raise
        else:
            await _judge(calls, faults.items())

    async def _search(
        self,
        kind: str,
        lost: Sequence[tuple[LookupResult, Match]],
        avoid: frozenset[str],
    ) -> None:
        """Search for items that may lie in one library, or in any of them.

        Each comes with what is remembered of it, which stands where that search
        comes to no end.
        """
        finds = [lookup.find for lookup, _ in lost]

        async def work(calls: GuardedCalls) -> tuple[list[Match], dict[str, Fault]]:
            found = await search(calls, self._server, finds, avoid)
            if kind not in found[1]:
                self._access.worked(kind)
            return found

        found = await self._access.beside(kind, work)
        matches, faults = found or ([Match() for _ in finds], {})
        for (lookup, known), match in zip(lost, matches, strict=True):
            is_news = match.rating_key or match.reason or match.library
            self._take(lookup, match if is_news else known, faults)

    def _take(
        self, lookup: LookupResult, match: Match, faults: Mapping[str, Fault]
    ) -> None:
        """Write a match into its lookup; ``faults`` are by kind of call."""
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
            lookup.stop(self._why_unknown(match.library, faults))

    def _why_unknown(self, library: str | None, faults: Mapping[str, Fault]) -> Fault:
        kind = kind_of(library)
        return faults.get(kind) or self._access.why_not(kind)


def kind_of(library: str | None) -> str:
    """Name the kind of call that lists a library; None stands for any library."""
    return About(Purpose.LISTING, library=library or "").bulkhead


async def search(
    calls: GuardedCalls, server: Server, finds: Sequence[Find], avoid: frozenset[str]
) -> tuple[list[Match], dict[str, Fault]]:
    """Look through libraries for items; return the matches, and the faults by kind of call.

    Raises CircuitRefusedError, and Fault where it is the server's or the token's.
    """
    try:
        matches = await calls.make(
            lambda: server.match(finds, avoid), About(Purpose.LISTING)
        )
    except Fault as fault:
        if calls.refused is not None:
            raise
        return [Match() for _ in finds], {kind_of(None): fault}
    faults: dict[str | None, Fault] = {}
    for match in matches:
        if match.fault is not None:
            faults.setdefault(match.beyond or match.library, match.fault)
    return matches, await _judge(calls, faults.items())


async def _judge(
    calls: GuardedCalls, faults: Iterable[tuple[str | None, Fault]]
) -> dict[str, Fault]:
    """Give the faults of libraries their scope; raises one that is not a library's.

    ``faults`` are by library, what is given by kind of call.
    """
    verdicts: dict[str, Fault] = {}
    for library, fault in faults:
        about = About(Purpose.LISTING, library=library or "")
        verdict = await calls.judged(fault, about)
        if calls.refused is not None:
            raise verdict
        verdicts[kind_of(library)] = verdict
    return verdicts
