"""Libraries to simulate with: synthetic ones of any size, and real films."""

from collections.abc import Iterable, Mapping
from typing import Any

from .core import PlexCore
from .state import Section

_GENRES = (
    "Drama",
    "Comedy",
    "Crime",
    "Thriller",
    "Documentary",
    "Western",
    "Animation",
    "Romance",
)
_NAMES = (
    "Ann",
    "Ben",
    "Cora",
    "Dan",
    "Eve",
    "Finn",
    "Gwen",
    "Hal",
    "Ida",
    "Jon",
    "Kim",
    "Leo",
)
_SURNAMES = (
    "Example",
    "Sample",
    "Stone",
    "Rivers",
    "Field",
    "Marsh",
    "Hill",
    "Brook",
    "Lake",
    "Wood",
)
_SENTENCE = (
    "A traveller comes to a small town, meets people who keep to themselves, "
    "and learns over one long summer what they would rather not say aloud."
)


def synthetic(
    core: PlexCore, n: int, location: str = "/data/movies", title: str = "Movies"
) -> Section:
    """Build a movie library of `n` items; the same call gives the same library."""
    section = core.add_section(title, "movie", [location])
    for i in range(1, n + 1):
        name = f"Movie {i:05d}"
        year = 1950 + (i - 1) % 75
        cast = [
            (
                f"{_NAMES[(i + j) % 12]} {_SURNAMES[(i * 7 + j * 3) % 10]}",
                f"Part {j + 1}",
            )
            for j in range(4)
        ]
        core.add_item(
            section,
            name,
            file=f"{location}/{name} ({year})/{name} ({year}).mkv",
            guid=f"plex://movie/{i:024x}",
            guids=(f"imdb://tt{i:07d}", f"tmdb://{i}"),
            announce=False,
            year=year,
            originallyAvailableAt=f"{year}-{i % 12 + 1:02d}-{i % 28 + 1:02d}",
            studio=f"Studio {i % 40}",
            contentRating=("G", "PG", "PG-13", "R")[i % 4],
            rating=float(i % 100) / 10,
            summary=f"{_SENTENCE} The story is number {i}.",
            genres=[_GENRES[i % 8], _GENRES[(i + 3) % 8], _GENRES[(i + 5) % 8]],
            directors=[f"{_NAMES[i % 12]} {_SURNAMES[i % 10]}"],
            writers=[f"{_NAMES[(i + 5) % 12]} {_SURNAMES[(i + 2) % 10]}"],
            actors=cast,
        )
    return section


def from_films(
    core: PlexCore,
    films: Iterable[Mapping[str, Any]],
    title: str = "Films",
    location: str = "/data/films",
) -> Section:
    """Build a library of films as one without an agent has it: titles from file names, nothing else.

    Each film is a mapping with `path`, as Plex sees the file or relative to `location`; `title`
    and `year` are what a source would say of it, and left out here on purpose.
    """
    section = core.add_section(title, "movie", [location])
    for film in films:
        path = str(film["path"])
        core.add_item(
            section,
            file=path
            if path.startswith(("/", "\\")) or ":" in path[:3]
            else f"{location}/{path}",
            size=film.get("size"),
            duration=film.get("duration"),
            announce=False,
        )
    return section
