"""The scenes: what a user of Stash does to them, and what moves their time."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from .base import Kind, StashError
from .files import Files
from .objects import LINKS


class SceneFields(TypedDict, total=False):
    """What can be set. Names make objects that are missing; ids must exist."""

    title: str
    code: str
    details: str
    director: str
    date: str | None
    rating100: int | None
    organized: bool
    studio: str | None
    studio_id: int | None
    performers: Sequence[str]
    performer_ids: Sequence[int]
    tags: Sequence[str]
    tag_ids: Sequence[int]
    groups: Sequence[str]
    group_ids: Sequence[int]
    group_indexes: Mapping[int, int | None]
    gallery_ids: Sequence[int]
    urls: Sequence[str]
    stash_ids: Mapping[str, str]
    cover: bytes | None


_COLUMNS = ("title", "code", "details", "director", "date", "organized", "studio_id")
_BY_ID = {"performer_ids": Kind.PERFORMER, "tag_ids": Kind.TAG, "group_ids": Kind.GROUP}
_BY_NAME = {"performers": Kind.PERFORMER, "tags": Kind.TAG, "groups": Kind.GROUP}
# Every table with a scene's id, and the column it stands in.
_REFERENCES = (
    ("scene_urls", "scene_id"),
    ("scenes_files", "scene_id"),
    ("performers_scenes", "scene_id"),
    ("scenes_tags", "scene_id"),
    ("groups_scenes", "scene_id"),
    ("scene_stash_ids", "scene_id"),
    ("scenes_galleries", "scene_id"),
    ("scene_markers", "scene_id"),
    ("history", "scene_id"),
)


class Scenes(Files):
    """Changes to scenes."""

    def add_scene(
        self,
        path: str | None = None,
        *,
        more_paths: Sequence[str] = (),
        scene_id: int | None = None,
        **fields: Unpack[SceneFields],
    ) -> int:
        """Create a scene, with no file, one or several; return its id."""
        now = self.now()
        with self.store.transaction():
            key = self.store.run(
                "INSERT INTO scenes (id, created_at, updated_at) VALUES (?, ?, ?)",
                (scene_id, now, now),
            )
            for each in (*([path] if path else []), *more_paths):
                self.add_file(key, each)
            self._write(key, fields)
        return key

    def edit_scene(self, scene_id: int, **fields: Unpack[SceneFields]) -> None:
        """Change a scene as its edit page does; ``updated_at`` moves, whatever is given."""
        self.check_scene(scene_id)
        with self.store.transaction():
            self._write(scene_id, fields)
            self.touch(scene_id)

    def check_scene(self, scene_id: int) -> None:
        """Refuse a scene that is not there, in Stash's words."""
        if not self.store.first("SELECT 1 FROM scenes WHERE id = ?", (scene_id,)):
            raise StashError(f"scene with id {scene_id} not found")

    def touch(self, scene_id: int) -> None:
        """Move a scene's time to the present."""
        self.store.run(
            "UPDATE scenes SET updated_at = ? WHERE id = ?", (self.now(), scene_id)
        )

    def _write(self, key: int, fields: SceneFields) -> None:
        """Write what is given."""
        given: Mapping[str, Any] = fields
        columns = {name: given[name] for name in _COLUMNS if name in given}
        if "rating100" in fields:
            columns["rating"] = fields["rating100"]
        if "studio" in fields:
            studio = fields["studio"]
            columns["studio_id"] = (
                None if studio is None else self.ensure(Kind.STUDIO, studio)
            )
        if columns:
            settings = ", ".join(f"{column} = ?" for column in columns)
            self.store.run(
                f"UPDATE scenes SET {settings} WHERE id = ?", (*columns.values(), key)
            )
        for name, kind in _BY_NAME.items():
            if name in given:
                self._link(key, kind, self.ensure_all(kind, given[name]))
        for name, kind in _BY_ID.items():
            if name in given:
                self._check_links(key, kind, given[name])
                self._link(key, kind, given[name])
        for group, index in fields.get("group_indexes", {}).items():
            self.store.run(
                "UPDATE groups_scenes SET scene_index = ? WHERE scene_id = ? AND group_id = ?",
                (index, key, group),
            )
        if "gallery_ids" in fields:
            self.store.run("DELETE FROM scenes_galleries WHERE scene_id = ?", (key,))
            self.store.run_many(
                "INSERT OR IGNORE INTO scenes_galleries VALUES (?, ?)",
                [(key, each) for each in fields["gallery_ids"]],
            )
        if "urls" in fields:
            self.store.run("DELETE FROM scene_urls WHERE scene_id = ?", (key,))
            self.store.run_many(
                "INSERT INTO scene_urls VALUES (?, ?, ?)",
                [(key, at, url) for at, url in enumerate(fields["urls"])],
            )
        if "stash_ids" in fields:
            self.store.run("DELETE FROM scene_stash_ids WHERE scene_id = ?", (key,))
            self.store.run_many(
                "INSERT INTO scene_stash_ids VALUES (?, ?, ?)",
                [(key, *each) for each in fields["stash_ids"].items()],
            )
        if "cover" in fields:
            self.set_image("scene", key, fields["cover"])

    def _link(self, key: int, kind: Kind, ids: Sequence[int]) -> None:
        """Replace a scene's links to one kind of object."""
        table, column = LINKS[kind]
        self.store.run(f"DELETE FROM {table} WHERE scene_id = ?", (key,))
        self.store.run_many(
            f"INSERT OR IGNORE INTO {table} (scene_id, {column}) VALUES (?, ?)",
            [(key, each) for each in ids],
        )

    def add_link(self, key: int, kind: Kind, other: int) -> bool:
        """Add one object to a scene; tell whether it was not there before."""
        if kind is Kind.STUDIO:
            where = "UPDATE scenes SET studio_id = ? WHERE id = ? AND studio_id IS NULL"
            done = self.store.connection.execute(where, (other, key))
        else:
            table, column = LINKS[kind]
            done = self.store.connection.execute(
                f"INSERT OR IGNORE INTO {table} (scene_id, {column}) VALUES (?, ?)",
                (key, other),
            )
        return done.rowcount > 0

    def _check_links(self, key: int, kind: Kind, ids: Sequence[int]) -> None:
        """Refuse an object that is not there, as the database does."""
        table, column = LINKS[kind]
        for each in ids:
            if not self.store.first(f'SELECT 1 FROM "{kind}" WHERE id = ?', (each,)):
                raise StashError(
                    f"error executing `INSERT INTO {table} (scene_id, {column}) VALUES (?, ?)"
                    f" ON CONFLICT (scene_id, {column}) DO NOTHING` [[{key} {each}]]:"
                    " FOREIGN KEY constraint failed"
                )

    def attach_file(self, scene_id: int, path: str) -> int:
        """Add a file as a scan does that finds an identical one; ``updated_at`` moves."""
        self.check_scene(scene_id)
        with self.store.transaction():
            known = self.paths(scene_id)
            twin = self.file_id(known[0]) if known else None
            key = self.add_file(scene_id, path, twin=twin)
            self.touch(scene_id)
        return key

    def set_cover(self, scene_id: int, data: bytes | None) -> None:
        """Give a scene a cover, or take it away; ``updated_at`` moves."""
        self.edit_scene(scene_id, cover=data)

    def set_image(self, kind: str, owner_id: int, data: bytes | None) -> None:
        """Store a picture, or take it away. Kinds: scene, performer, studio, tag, group, group_back."""
        if data is None:
            self.store.run(
                "DELETE FROM images WHERE kind = ? AND owner_id = ?", (kind, owner_id)
            )
        else:
            self.store.run(
                "INSERT OR REPLACE INTO images VALUES (?, ?, ?, NULL)",
                (kind, owner_id, data),
            )

    def delete_scene(self, scene_id: int, *, delete_files: bool = True) -> None:
        """Delete a scene; its id is never given again."""
        self.check_scene(scene_id)
        with self.store.transaction():
            if delete_files:
                self.store.run(
                    "DELETE FROM files_fingerprints WHERE file_id IN (SELECT file_id FROM scenes_files WHERE scene_id = ?)",
                    (scene_id,),
                )
                self.store.run(
                    "DELETE FROM files WHERE id IN (SELECT file_id FROM scenes_files WHERE scene_id = ?)",
                    (scene_id,),
                )
            for table, column in _REFERENCES:
                self.store.run(f"DELETE FROM {table} WHERE {column} = ?", (scene_id,))
            self.set_image("scene", scene_id, None)
            self.store.run("DELETE FROM scenes WHERE id = ?", (scene_id,))

    def merge_scenes(
        self, sources: Sequence[int], destination: int, **values: Unpack[SceneFields]
    ) -> None:
        """Merge scenes: the files go to the destination, the sources vanish without a word.

        The destination keeps its own fields; its user interface sends the ones
        to change as ``values``.
        """
        for each in (*sources, destination):
            self.check_scene(each)
        if destination in sources:
            raise StashError("destination scene cannot be in source list")
        with self.store.transaction():
            for source in sources:
                self.store.run(
                    'UPDATE scenes_files SET scene_id = ?, "primary" = 0 WHERE scene_id = ?',
                    (destination, source),
                )
                self._elect_primary(destination)
                self.delete_scene(source, delete_files=False)
            self.edit_scene(destination, **values)
