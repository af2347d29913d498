"""What a simulated Stash holds at first: real films, or any number of made-up ones."""

from tests.simulators.films import FILMS, Film

from .base import Kind
from .core import StashCore
from .pictures import Cover

# The simulated Plex deals out the same years: the year is part of the path.
YEARS = 75
_EACH = 40  # how many made-up performers, studios and tags there are of each


def _join(core: StashCore, root: str, path: str) -> str:
    """Put a relative path below a root, in the server's own way of writing."""
    return f"{root.rstrip('/' + core.separator)}{core.separator}{path.replace('/', core.separator)}"


def load_films(
    core: StashCore,
    root: str = "/media/films",
    films: tuple[Film, ...] = FILMS,
    *,
    covers: bool = True,
) -> dict[str, int]:
    """Add the films below ``root``; return title → scene id."""
    ids: dict[str, int] = {}
    with core.store.transaction():
        for film in films:
            ids[film.title] = core.add_scene(
                _join(core, root, film.path),
                title=film.title,
                details=film.summary,
                date=film.date,
                rating100=film.rating100,
                director=film.director,
                studio=film.studio,
                performers=[name for name, _ in film.cast],
                tags=film.tags,
                groups=[film.group] if film.group else [],
                organized=True,
            )
            if covers:
                core.set_cover_recipe(
                    ids[film.title], Cover(film.title, film.year, film.studio)
                )
        add_library(core, root)
    return ids


def load_synthetic(core: StashCore, count: int, root: str = "/data/movies") -> None:
    """Add ``count`` made-up scenes, "Movie 00001" and on, that pair with the simulated Plex's."""
    with core.store.transaction():
        people = core.ensure_all(
            Kind.PERFORMER, [f"Person {at:02d}" for at in range(_EACH)]
        )
        studios = core.ensure_all(
            Kind.STUDIO, [f"Studio {at:02d}" for at in range(_EACH)]
        )
        tags = core.ensure_all(Kind.TAG, [f"Genre {at:02d}" for at in range(_EACH)])
        for at in range(count):
            year = 1950 + at % YEARS
            name = f"Movie {at + 1:05d}"
            folder = f"{name} ({year})"
            core.add_scene(
                _join(core, root, f"{folder}/{folder}.mkv"),
                title=name,
                details=f"The story of {name.lower()}, told in {year}.",
                date=f"{year}-{at % 12 + 1:02d}-{at % 28 + 1:02d}",
                rating100=at % 100 + 1,
                studio_id=studios[at % _EACH],
                performer_ids=[
                    people[at % _EACH],
                    people[(at * 7 + 1) % _EACH],
                ],
                tag_ids=[tags[at % _EACH], tags[(at * 3 + 1) % _EACH]],
            )
        add_library(core, root)


def add_library(core: StashCore, root: str) -> None:
    """Name one more root of the library."""
    core.store.run("INSERT OR IGNORE INTO library (path) VALUES (?)", (root,))
