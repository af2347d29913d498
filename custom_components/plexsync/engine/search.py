"""Looking through libraries for items of which nothing is remembered."""

from collections.abc import Sequence

from .contact import Contact
from .judge import About, Purpose
from .ports import Match, Server
from .record import Find
from .retry import Fault


def kind_of(library: str | None) -> str:
    """Name the kind of call that looks through a library; None: nobody knows which."""
    return About(Purpose.LISTING, library=library or "").bulkhead


async def search(
    contact: Contact, server: Server, finds: Sequence[Find], avoid: frozenset[str]
) -> tuple[list[Match], dict[str, Fault]]:
    """Find items in Plex; give the matches, and by kind why libraries gave none.

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
    verdicts: dict[str, Fault] = {}
    for match in matches:
        kind = kind_of(match.library)
        if match.fault is not None and kind not in verdicts:
            about = About(Purpose.LISTING, library=match.library or "")
            verdict = await contact.judged(match.fault, about)
            if contact.refused is not None:
                raise verdict
            verdicts[kind] = verdict
    return matches, verdicts
