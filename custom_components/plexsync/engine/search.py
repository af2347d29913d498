"""Find out which item each record is about.

What is remembered costs no request; only for the rest libraries are looked through.
"""

from collections.abc import Iterable, Mapping, Sequence

from .access import CallAccess
from .contact import Contact
from .judge import About, Purpose
from .ports import Match, Server
from .record import Find
from .retry import Fault
from .sight import Sight
from .together import together


class Search:
    """Give sights a rating key and twins, or the reason why they get none."""

    def __init__(self, server: Server, access: CallAccess) -> None:
        """Take whom to ask, and what may be asked."""
        self._server = server
        self._access = access

    async def match(self, sights: Sequence[Sight]) -> None:
        """Recall where the items are, and search for those that are not remembered."""
        if not sights:
            return
        matches = await self._server.recall([sight.find for sight in sights])
        unlisted = self._access.unlisted()
        # Each library is a search of its own: a slow one keeps no other waiting.
        unknown: dict[str, list[tuple[Sight, Match]]] = {}
        for sight, match in zip(sights, matches, strict=True):
            known = match.rating_key or match.reason
            library = match.beyond if known else match.library
            if (known and not match.beyond) or (library or "") in unlisted:
                self._take(sight, match, {})
            else:
                unknown.setdefault(kind_of(library), []).append((sight, match))
        await together(self._search(kind, of, unlisted) for kind, of in unknown.items())

    async def catch_up(self) -> None:
        """Learn what came into the libraries, even if nothing looks for it.

        Raises CircuitRefusedError, and Fault where it is the server's or the token's.
        """
        contact, avoid = self._access.contact, self._access.unlisted()
        try:
            faults = await contact.call(
                lambda: self._server.catch_up(avoid), About(Purpose.LISTING)
            )
        except Fault:
            if contact.refused is not None:
                raise
        else:
            await _judge(contact, faults.items())

    async def _search(
        self, kind: str, lost: Sequence[tuple[Sight, Match]], avoid: frozenset[str]
    ) -> None:
        """Search for items that may lie in one library, or in any of them.

        Each comes with what is remembered of it, which stands where that search
        comes to no end.
        """
        finds = [sight.find for sight, _ in lost]

        async def work(contact: Contact) -> tuple[list[Match], dict[str, Fault]]:
            found = await search(contact, self._server, finds, avoid)
            if kind not in found[1]:
                self._access.worked(kind)
            return found

        found = await self._access.beside(kind, work)
        matches, faults = found or ([Match() for _ in finds], {})
        for (sight, known), match in zip(lost, matches, strict=True):
            is_news = match.rating_key or match.reason or match.library
            self._take(sight, match if is_news else known, faults)

    def _take(self, sight: Sight, match: Match, faults: Mapping[str, Fault]) -> None:
        """Write a match into its sight; ``faults`` are by kind of call."""
        sight.candidates = match.candidates
        if match.rating_key is not None:
            sight.rating_key, sight.library = match.rating_key, match.library or ""
            for rating_key, library in match.twins:
                sight.add_twin(rating_key, library)
            if match.beyond is not None:
                further = sight.add_twin(None, match.beyond)
                further.stop(self._why_unknown(match.beyond, faults))
        elif match.reason is not None:
            sight.miss(match.reason)
        else:
            sight.stop(self._why_unknown(match.library, faults))

    def _why_unknown(self, library: str | None, faults: Mapping[str, Fault]) -> Fault:
        kind = kind_of(library)
        return faults.get(kind) or self._access.why_not(kind)


def kind_of(library: str | None) -> str:
    """Name the kind of call that lists a library; None stands for any library."""
    return About(Purpose.LISTING, library=library or "").bulkhead


async def search(
    contact: Contact, server: Server, finds: Sequence[Find], avoid: frozenset[str]
) -> tuple[list[Match], dict[str, Fault]]:
    """Look through libraries for items; return the matches, and the faults by kind of call.

    Raises CircuitRefusedError, and Fault where it is the server's or the token's.
    """
    try:
        matches = await contact.call(
            lambda: server.match(finds, avoid), About(Purpose.LISTING)
        )
    except Fault as fault:
        if contact.refused is not None:
            raise
        return [Match() for _ in finds], {kind_of(None): fault}
    faults: dict[str | None, Fault] = {}
    for match in matches:
        if match.fault is not None:
            faults.setdefault(match.beyond or match.library, match.fault)
    return matches, await _judge(contact, faults.items())


async def _judge(
    contact: Contact, faults: Iterable[tuple[str | None, Fault]]
) -> dict[str, Fault]:
    """Give the faults of libraries their scope; raises one that is not a library's.

    ``faults`` are by library, what is given by kind of call.
    """
    verdicts: dict[str, Fault] = {}
    for library, fault in faults:
        about = About(Purpose.LISTING, library=library or "")
        verdict = await contact.judged(fault, about)
        if contact.refused is not None:
            raise verdict
        verdicts[kind_of(library)] = verdict
    return verdicts
