"""A first look at a Stash during set-up: its identity, and some of its files.

A Stash cannot be identified by its address or name: it may have several addresses, and
all containers look alike inside. It is identified by how its database began: by its path
and its first scenes, each with the time at which it was added and its files. Only digests
of these are stored; two Stashes with a digest in common are the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from ...engine.model.faults import Fault
from ..base import SourceInfo
from .client import StashClient
from .mapping import StashOptions, file_paths, marks_of
from .queries import FILES
from .reader import StashReader
from .walk import Shape, result

_FIRST = 5  # scenes that identify a Stash
_PAGES = 10  # positions in the library to take samples from
_PER_PAGE = 5

_WHO = (
    "query Who { systemStatus { databasePath } found: findScenes(filter: "
    f'{{page: 1, per_page: {_FIRST}, sort: "id", direction: ASC}}) '
    f"{{ count scenes {{ id created_at {FILES} }} }} }}"
)


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The roots of a library, a sample of its files, and digests that identify it."""

    roots: tuple[str, ...]
    files: tuple[str, ...]
    marks: tuple[str, ...]


async def first_look(client: StashClient) -> FirstLook:
    """Check health and access, and take a first look. Raises Fault of class source."""
    reader = StashReader(client, StashOptions())
    info = await reader.learn()
    try:
        return await _look(client, info)
    except Fault as fault:
        if fault.reason != "error":
            raise
    # A scene that cannot be read breaks the answer; the reader can work around it.
    files: list[str] = []
    async for page in reader.pages({}):
        files += _files(page.scenes)
        if len(files) >= _PAGES * _PER_PAGE:
            break
    return FirstLook(info.roots, tuple(files), ())


async def _look(client: StashClient, info: SourceInfo) -> FirstLook:
    who = (await client.query(_WHO)).data
    with Shape():
        count, scenes = result(who["found"], "scenes")
        marks = tuple(_marks(str(who["systemStatus"]["databasePath"]), scenes))
    if not count:
        return FirstLook(info.roots, (), marks)
    samples = (await client.query(_samples(count))).data
    with Shape():
        pages = [result(found, "scenes")[1] for found in samples.values()]
        files = tuple(path for page in pages for path in _files(page))
    return FirstLook(info.roots, files, marks)


def _samples(count: int) -> str:
    """Ask for some scenes, spread over the whole library."""
    pages = -(-count // _PER_PAGE)
    numbers = sorted({1 + at * pages // _PAGES for at in range(_PAGES)})
    found = " ".join(
        f"p{number}: findScenes(filter: {{page: {number}, per_page: {_PER_PAGE}, "
        'sort: "id", direction: ASC}) { count scenes { files { path } } }'
        for number in numbers
    )
    return f"query Samples {{ {found} }}"


def _files(scenes: Sequence[Any]) -> tuple[str, ...]:
    return tuple(path for scene in scenes for path in file_paths(scene))


def _marks(database: str, scenes: Sequence[Any]) -> Iterator[str]:
    for scene in scenes:
        born = _instant(scene["created_at"])
        for mark in marks_of(scene):
            told = (database, str(scene["id"]), born, mark)
            yield sha256(orjson.dumps(told)).hexdigest()


def _instant(text: str) -> float | str:
    """Return epoch seconds, which stay the same if Stash moves to another zone."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return text
