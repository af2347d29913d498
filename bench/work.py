"""The work that both sides do: which item, and what shall stand there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from .product import Actor, Find, Record, normalise

PAGE = 250  # records handed over at once, as our Stash source does
_PAUSE = 20  # of them made in a row
_SUMMARY = (
    "Two strangers share a train compartment through one long night, and by the "
    "morning each knows more of the other than either meant to tell."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item as it shall be; `found_by` is the title it has in the library so far."""

    number: int
    found_by: str
    path: str
    title: str
    summary: str
    studio: str
    date: str
    genres: list[str]
    actors: list[tuple[str, str]]

    @property
    def collection(self) -> str:
        """Return the one collection per studio."""
        return f"{self.studio} films"


def wanted(number: int, *, edition: int = 1) -> Wanted:
    """Describe an item of `tests.simulators.plex.library.synthetic`; editions differ in one field."""
    name = f"Movie {number:05d}"
    folder = f"{name} ({1950 + (number - 1) % 75})"
    return Wanted(
        number,
        name,
        f"/data/movies/{folder}/{folder}.mkv",
        title=f"The Night Train, Part {number}",
        summary=f"{_SUMMARY} Edition {edition} of story {number}.",
        studio=f"House {number % 40}",
        date=f"{1960 + number % 60}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        genres=["Mystery", f"Mood {number % 12}", f"Place {number % 30}"],
        actors=[(f"Actor {(number + i) % 500}", f"Role {i}") for i in range(4)],
    )


def record(number: int, *, edition: int = 1, series: str = "scene") -> Record:
    """Say the same as a source does."""
    item = wanted(number, edition=edition)
    fields: dict[str, Any] = {
        "title": item.title,
        "summary": item.summary,
        "studio": item.studio,
        "date": item.date,
        "genres": item.genres,
        "actors": [Actor(name, role) for name, role in item.actors],
        "collections": [item.collection],
    }
    return Record(
        "bench",
        f"{series}:{number}",
        Find((item.path,)),
        {name: normalise(name, value) for name, value in fields.items()},
        revision=edition,
        mirror=True,
    )


async def pages(
    numbers: Sequence[int], *, edition: int = 1, series: str = "scene"
) -> AsyncIterator[list[Record]]:
    """Give the records of these items page by page; no more than one page exists at a time."""
    for start in range(0, len(numbers), PAGE):
        page = []
        for number in numbers[start : start + PAGE]:
            page.append(record(number, edition=edition, series=series))
            if not len(page) % _PAUSE:
                await asyncio.sleep(0)  # what makes records must not hold the loop
        yield page


def is_done(item: Wanted, state: dict[str, Any]) -> bool:
    """Say whether an item of the simulator is as it shall be; tags may have company."""
    values, tags = state["values"], state["tags"]
    return (
        values.get("title") == item.title
        and values.get("summary") == item.summary
        and values.get("studio") == item.studio
        and str(values.get("originallyAvailableAt")) == item.date
        and set(item.genres) <= set(tags.get("genre", ()))
        and {name for name, _ in item.actors} <= set(tags.get("actor", ()))
        and item.collection in tags.get("collection", ())
    )
