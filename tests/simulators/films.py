"""Real public-domain films, shared by the simulators and the demo.

The facts (dates are premieres) stand in ``films.json``; the summaries are ours.
"""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import TypedDict


@dataclass(frozen=True, slots=True)
class Film:
    """One film. ``path`` is relative to a library's root and unique."""

    title: str
    year: int
    date: str
    studio: str
    director: str
    cast: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    summary: str
    rating100: int
    path: str
    group: str | None


class _Entry(TypedDict, total=False):
    """One film as ``films.json`` holds it; a path is given where the title makes a bad one."""

    title: str
    year: int
    date: str
    studio: str
    director: str
    cast: list[list[str]]
    tags: list[str]
    summary: str
    rating100: int
    path: str
    group: str | None


def _film(entry: _Entry) -> Film:
    """Make a film of an entry."""
    name = f"{entry['title']} ({entry['year']})"
    return Film(
        title=entry["title"],
        year=entry["year"],
        date=entry["date"],
        studio=entry["studio"],
        director=entry["director"],
        cast=tuple((name, role) for name, role in entry["cast"]),
        tags=tuple(entry["tags"]),
        summary=entry["summary"],
        rating100=entry["rating100"],
        path=entry.get("path", f"{name}/{name}.mkv"),
        group=entry["group"],
    )


FILMS: tuple[Film, ...] = tuple(
    _film(entry)
    for entry in json.loads(
        Path(__file__).with_name("films.json").read_text(encoding="utf-8")
    )
)
