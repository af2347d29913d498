"""Recognise items whose XML has not changed since an earlier answer.

An item with the same XML need not be parsed again: splitting an answer into its items and
digesting them costs a hundredth of parsing them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re

from ..engine.ledger.seen import digest

_START = re.compile(rb"<(Video|Directory)\s")
_KEY = re.compile(rb'\sratingKey="([0-9]++)')
# Attributes of the whole answer that also apply to its items.
_LIBRARY = re.compile(rb'\slibrarySection(?:ID|UUID)="[^"]*+')
_END = b"</MediaContainer>"


@dataclass(slots=True)
class Cut:
    """The part of an answer that has to be parsed, and the items that are unchanged.

    ``digests`` are those of the XML of each item, by rating key; ``same`` are the items
    that are left out of ``rest``.
    """

    rest: bytes
    digests: dict[str, bytes] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)


def cut(answer: bytes, known: Mapping[str, bytes]) -> Cut:
    """Remove the items whose digest is known from an answer.

    An answer with an unexpected layout is left complete.
    """
    if (items := _items(answer)) is None:
        return Cut(answer)
    head = answer[: items[0][0]]
    library = b"".join(_LIBRARY.findall(head))
    found, rest = Cut(b""), [head]
    for start, end in items:
        words = answer[start:end]
        key = match[1].decode() if (match := _KEY.search(words)) else ""
        name = digest(library, words)
        if key and known.get(key) == name and key not in found.digests:
            found.same.add(key)
        else:
            rest.append(words)
        found.digests[key] = name
    found.rest = b"".join([*rest, _END])
    return found


def _items(answer: bytes) -> list[tuple[int, int]] | None:
    """Return where each item begins and ends; None if the layout is unexpected.

    Attributes cannot contain ``<``, so a tag can be recognised anywhere.
    """
    found: list[tuple[int, int]] = []
    start = _START.search(answer)
    while start is not None:
        mark = b"</" + start[1] + b">"
        end = answer.find(mark, start.end())
        if end < 0:
            return None
        found.append((start.start(), end := end + len(mark)))
        while answer[end : end + 1].isspace():
            end += 1
        if (start := _START.match(answer, end)) is None:
            return found if answer[end:].strip() == _END else None
    return None
