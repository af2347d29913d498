"""A Stash with a few films, and what of it has arrived in the queue of an engine.

The engine is real and syncs nothing: what waits there is what Plex would be given next.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, NamedTuple

from custom_components.plexsync.engine.jobs.coalescing import COLUMNS, Waiting
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.jobs.reused_keys import is_another
from custom_components.plexsync.engine.model.record import Actor, Image, Record
from custom_components.plexsync.sources.asked import stamped
from custom_components.plexsync.sources.base import Batch
from custom_components.plexsync.sources.stash.stash import StashOptions, StashSource
from tests.rig import Rig
from tests.simulators.stash import Kind, StashCore

from .conftest import STASH_ROOT, Clock, to_plex

FILMS = 6
PAIR = 4  # this film has two files
BARE = 6  # this one has no cover, and is not organized
_FREE = ("actors", "genres", "collections")  # whose order tells nothing


def path(film: int, name: str = "") -> str:
    """Give a file of a film, as Stash names it."""
    return f"{STASH_ROOT}Film {film}{name}.mkv"


def cover(word: object) -> bytes:
    """Draw a cover."""
    return b"\xff\xd8\xff\xe0" + f"cover {word}".encode() + bytes(64)


def fill(core: StashCore) -> None:
    """Let a Stash have the films: scene n is film n."""
    core.ensure(Kind.TAG, "Kind")
    core.ensure(Kind.STUDIO, "Network")
    for film in range(1, FILMS + 1):
        core.add_scene(
            path(film),
            more_paths=[path(film, " B")] if film == PAIR else (),
            title=f"Film {film}",
            details=f"About {film}",
            director=f"Director {film}",
            date=f"2001-02-0{film}",
            rating100=10 * film,
            code=f"C-{film}",
            performers=["Ann", f"Player {film}"],
            tags=["Drama", f"Tag {film}"],
            studio=f"House {film % 2}",
            groups=["Series"] if film % 2 else [],
            organized=film != BARE,
            cover=None if film == BARE else cover(film),
        )
    core.set_tag_parents("Drama", [core.object_id(Kind.TAG, "Kind")])
    network = core.object_id(Kind.STUDIO, "Network")
    core.edit_object(Kind.STUDIO, "House 1", parent_id=network)
    core.edit_object(Kind.PERFORMER, "Ann", aliases=["Annie"])


class Picture(NamedTuple):
    """A cover that was fetched: of which files, for which mark, its tag, and its bytes."""

    files: tuple[str, ...]
    mark: str
    tag: str | None
    data: bytes | None


class Arrivals:
    """Polls and sweeps one Stash, as its host does."""

    def __init__(
        self, core: StashCore, source: StashSource, rig: Rig, options: StashOptions
    ) -> None:
        """Begin without knowing anything of the Stash."""
        self.core, self.source, self.rig, self.options = core, source, rig, options
        self.clock: Clock = core.clock  # type: ignore[assignment]
        self.records: dict[str, Record] = {}
        self.covers: dict[str, Picture] = {}
        self.kept: Connection | None = None  # a copy of the database
        self.ann = core.object_id(Kind.PERFORMER, "Ann")

    # -- what a host does ------------------------------------------------------------

    async def poll(self) -> None:
        """Take in what changed since the last poll; everything, the first time."""
        engine = self.rig.engine
        cursor = await engine.notes.cursor("src")
        async for batch in self._batches(cursor):
            await engine.submit(
                batch.records, Priority.BULK, cursor=("src", batch.cursor)
            )
        await self._take_note()

    async def sweep(self) -> None:
        """Compare everything, and look for what is gone."""
        await self.rig.engine.sweep.run(self._pages())
        await self.look_for_gone()

    async def look_for_gone(self) -> None:
        """Compare what is known with all that there is."""
        engine = self.rig.engine
        await engine.gone_records.look(
            "src", self.source.listing(), engine.clock.steady()
        )
        await self._take_note()

    def _batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        return stamped(self.source.changes(cursor), self.rig.engine.clock.steady)

    async def _pages(self) -> AsyncIterator[Sequence[Record]]:
        async for batch in self._batches(None):
            yield batch.records

    async def _take_note(self) -> None:
        """See what waits now, and fetch the covers whose mark is another one."""
        rows = await self.rig.engine.database.run(
            lambda db: db.execute(f"SELECT key, {COLUMNS} FROM job").fetchall(),  # noqa: S608  # our own words
            durable=False,
        )
        self.records = {
            row[0]: Waiting.from_row(row[1:]).record("src", row[0]) for row in rows
        }
        for key, record in self.records.items():
            image, known = record.fields.get("poster"), self.covers.get(key)
            if not isinstance(image, Image):
                continue
            if known is not None and is_another(known.files, record.files):
                known = None
            if known is not None and known.mark == image.mark:
                continue
            tag = known.tag if known else None
            found = await self.source.fetch(image, tag, record.files)
            data = known.data if known and found.unchanged else found.data
            self.covers[key] = Picture(record.files, image.mark, found.tag, data)

    # -- what has to be --------------------------------------------------------------

    def wrong(self) -> set[str]:
        """Name the scenes of which something else has arrived than Stash says."""
        truth = self._truth()
        return {key for key in truth if not self._is_right(key, truth[key])}

    def left_over(self) -> set[str]:
        """Name what has arrived of scenes that are gone."""
        return self.records.keys() - {f"scene:{key}" for key in self.core.scene_ids()}

    def _is_right(self, key: str, told: Mapping[str, Any]) -> bool:
        record = self.records.get(key)
        if record is None:
            return False
        came = {**record.fields, "paths": record.find.paths}
        if self.options.poster:
            came["poster"] = self.covers[key].data
        for name in _FREE:
            came[name] = frozenset(came[name] or ())
        return came == told

    def _truth(self) -> dict[str, dict[str, Any]]:
        """Give what each scene is, as its database says."""
        return {
            f"scene:{key}": self._scene(key)
            for key in self.core.scene_ids()
            if self.core.paths(key)
            and (not self.options.organized_only or self._column(key, "organized"))
        }

    def _scene(self, key: int) -> dict[str, Any]:
        """Give what a record of a scene has to say."""
        tags = self._names("tags t JOIN scenes_tags l ON l.tag_id = t.id", key)
        cast = self._names(
            "performers t JOIN performers_scenes l ON l.performer_id = t.id", key
        )
        groups = self._names(
            '"groups" t JOIN groups_scenes l ON l.group_id = t.id', key
        )
        studio = self._names(
            "studios t JOIN (SELECT studio_id, id AS scene_id FROM scenes) l"
            " ON l.studio_id = t.id",
            key,
        )
        if self.options.tag_parents:
            tags |= self._names(
                "tags t JOIN tags_relations r ON r.parent_id = t.id"
                " JOIN scenes_tags l ON l.tag_id = r.child_id",
                key,
            )
        if self.options.network_collection:
            groups |= self._names(
                "studios t JOIN studios c ON c.parent_id = t.id"
                " JOIN (SELECT studio_id, id AS scene_id FROM scenes) l"
                " ON l.studio_id = c.id",
                key,
            )
        director, rating = self._column(key, "director"), self._column(key, "rating")
        told = {
            "summary": self._column(key, "details") or None,
            "directors": (director,) if director else None,
            "user_rating": rating / 10 if rating else None,
            "original_title": self._column(key, "code") or None,
            "studio": next(iter(studio), None),
            "actors": frozenset(Actor(name, self._role(name)) for name in cast),
            "genres": tags,
            "collections": groups,
            "paths": tuple(to_plex(each) for each in self.core.paths(key)),
        }
        if self.options.poster:
            told["poster"] = self._cover(key)
        if title := self._column(key, "title"):
            told["title"] = title
        date = self._column(key, "date")
        if date is None or len(date) == len("2001-02-03"):
            told["date"] = date
        return told

    def _column(self, key: int, name: str) -> Any:
        row = self.core.store.first(f"SELECT {name} FROM scenes WHERE id = ?", (key,))  # noqa: S608  # our own words
        assert row is not None
        return row[0]

    def _names(self, which: str, key: int) -> frozenset[str]:
        rows = self.core.store.rows(
            f"SELECT t.name FROM {which} WHERE l.scene_id = ?",  # noqa: S608  # our own words
            (key,),
        )
        return frozenset(row[0] for row in rows)

    def _role(self, name: str) -> str | None:
        if self.options.role != "alias":
            return None
        row = self.core.store.first(
            "SELECT alias FROM aliases JOIN performers p ON p.id = owner_id"
            " WHERE kind = 'performers' AND p.name = ? ORDER BY aliases.rowid",
            (name,),
        )
        return row[0] if row else None

    def _cover(self, key: int) -> bytes | None:
        picture = self.core.picture("scene", key)
        return None if picture.content_type == "image/svg+xml" else picture.data
