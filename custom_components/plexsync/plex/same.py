"""Which items an answer tells of in the very words of an earlier one.

An item that Plex says nothing new of need not be read: to cut an answer into its items
and to digest these costs a hundredth of reading them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re

from ..engine.seen import digest

_START = re.compile(rb"<(Video|Directory)\s")
_KEY = re.compile(rb'\sratingKey="([0-9]++)')
# What an item leaves to the answer as a whole.
_LIBRARY = re.compile(rb'\slibrarySection(?:ID|UUID)="[^"]*+')
_END = b"</MediaContainer>"


@dataclass(slots=True)
class Cut:
    """What of an answer has to be read, and what it says in words that are known.

    ``digests`` names the words about each item, by rating key; ``same`` names those
    items that are left out of ``rest``.
    """

    rest: bytes
    digests: dict[str, bytes] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)


def cut(answer: bytes, known: Mapping[str, bytes]) -> Cut:
    """Leave out of an answer the items whose digest is known.

    An answer that is not laid out as Plex does is to be read whole.
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
    """Return where each item begins and ends; None for an answer of another layout.

    No attribute holds a ``<``, so that a mark is one wherever it stands.
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
