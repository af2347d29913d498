"""Full export and import: the library as a folder of files, and back."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from .base import format_time
from .tasks import Tasks

type Row = dict[str, Any]
type Snapshot = dict[str, list[Row]]

_TIMES = ("created_at", "updated_at", "mod_time")
# Before this version a scene without title was exported under its file's name.
_FIRST_BARE_TITLES = 28
_OWNERS = {
    "scene": "scenes",
    "performer": "performers",
    "studio": "studios",
    "tag": "tags",
    "group": "groups",
    "group_back": "groups",
}
# Table → column → the table whose ids stand there.
_REFERENCES: dict[str, dict[str, str]] = {
    "studios": {"parent_id": "studios"},
    "groups": {"studio_id": "studios"},
    "scenes": {"studio_id": "studios"},
    "scene_markers": {"scene_id": "scenes", "primary_tag_id": "tags"},
    "tags_relations": {"parent_id": "tags", "child_id": "tags"},
    "scene_urls": {"scene_id": "scenes"},
    "scenes_files": {"scene_id": "scenes", "file_id": "files"},
    "files_fingerprints": {"file_id": "files"},
    "performers_scenes": {"scene_id": "scenes", "performer_id": "performers"},
    "scenes_tags": {"scene_id": "scenes", "tag_id": "tags"},
    "groups_scenes": {"scene_id": "scenes", "group_id": "groups"},
    "scenes_galleries": {"scene_id": "scenes", "gallery_id": "galleries"},
    "scene_stash_ids": {"scene_id": "scenes"},
    "history": {"scene_id": "scenes"},
}
_WITH_IDS = (
    "studios",
    "performers",
    "tags",
    "groups",
    "galleries",
    "files",
    "scenes",
    "scene_markers",
)
_TABLES = (*_WITH_IDS, *(name for name in _REFERENCES if name not in _WITH_IDS))


class Archive(Tasks):
    """Writes everything down, and reads it again."""

    _exported: Snapshot | None = None

    def export_all(self) -> None:
        """Write everything down."""
        names = (*_TABLES, "aliases", "images")
        self._exported = {
            name: [
                dict(row)
                for row in self.store.rows(f'SELECT * FROM "{name}" ORDER BY rowid')
            ]
            for name in names
        }

    def begin_import(self) -> None:
        """Delete everything, as a full import does before it adds the first object."""
        if self._exported is None:
            self.export_all()
        with self.store.transaction():
            for name in (*_TABLES, "aliases", "images"):
                self.store.run(f'DELETE FROM "{name}"')
                if name in _WITH_IDS:
                    self.store.run(
                        "DELETE FROM sqlite_sequence WHERE name = ?", (name,)
                    )

    def import_all(
        self, ids: Mapping[int, int] | None = None, *, minor: int = 30
    ) -> dict[int, int]:
        """Replace everything by what was exported, or by itself; return old scene id → new id.

        Ids are dealt anew from 1 on, in the order of the exported files' names. Every
        instant stays, but its text is written in the zone the server runs in.
        ``ids`` deals those of scenes as told.
        """
        self.begin_import()
        snapshot, self._exported = self._exported, None
        assert snapshot is not None
        dealt = {name: _deal(snapshot, name, minor) for name in _WITH_IDS}
        if ids is not None:
            dealt["scenes"] = dict(ids)
        with self.store.transaction():
            for name in _TABLES:
                self._write_rows(
                    name, _rewritten(snapshot[name], name, dealt, self.zone)
                )
            for row in snapshot["images"]:
                owner = dealt[_OWNERS[row["kind"]]].get(row["owner_id"])
                self._write_rows("images", [row | {"owner_id": owner}] if owner else [])
            for row in snapshot["aliases"]:
                owner = dealt[row["kind"]].get(row["owner_id"])
                self._write_rows(
                    "aliases", [row | {"owner_id": owner}] if owner else []
                )
        return dealt["scenes"]

    def _write_rows(self, table: str, rows: list[Row]) -> None:
        """Write rows; of two that are the same link one stays."""
        if not rows:
            return
        columns = ", ".join(f'"{name}"' for name in rows[0])
        marks = ", ".join("?" for _ in rows[0])
        self.store.run_many(
            f'INSERT OR IGNORE INTO "{table}" ({columns}) VALUES ({marks})',
            [tuple(row.values()) for row in rows],
        )


def _deal(snapshot: Snapshot, table: str, minor: int) -> dict[int, int]:
    """Deal ids from 1 on by the names of the files; of two of one name the last one stays."""
    name = _namer(snapshot, table, minor)
    named = {name(row): row["id"] for row in snapshot[table]}
    ids = {key: at for at, key in enumerate(sorted(named), start=1)}
    return {row["id"]: ids[name(row)] for row in snapshot[table]}


def _namer(
    snapshot: Snapshot, table: str, minor: int
) -> Callable[[Row], tuple[Any, ...]]:
    """Return what the files of one kind of object are named after."""
    if table == "scenes":
        return _scene_namer(snapshot, minor)
    if table in ("files", "scene_markers"):
        return lambda row: (row["id"],)
    if table == "galleries":
        return lambda row: (row["title"], row["id"])
    return lambda row: (row["name"].strip(), row.get("disambiguation", ""))


def _scene_namer(snapshot: Snapshot, minor: int) -> Callable[[Row], tuple[Any, ...]]:
    """Return what a scene's file is named after: title, hash, id."""
    prints = {
        row["file_id"]: row["fingerprint"]
        for row in snapshot["files_fingerprints"]
        if row["type"] == "oshash"
    }
    names = {row["id"]: row["basename"] for row in snapshot["files"]}
    first: dict[int, int] = {}
    for row in snapshot["scenes_files"]:
        if row["primary"]:
            first[row["scene_id"]] = row["file_id"]

    def name(row: Row) -> tuple[Any, ...]:
        file = first.get(row["id"], 0)
        title = row["title"]
        if not title and minor < _FIRST_BARE_TITLES:
            title = names.get(file, "")
        return title, prints.get(file, ""), row["id"]

    return name


def _rewritten(
    rows: list[Row], table: str, dealt: dict[str, dict[int, int]], zone: tzinfo
) -> list[Row]:
    """Return rows with the new ids, and with times in a zone; those that lost an id are left out."""
    found: dict[Any, Row] = {}
    references = _REFERENCES.get(table, {})
    for at, row in enumerate(rows):
        new = dict(row)
        for column, other in references.items():
            if new[column] is not None:
                new[column] = dealt[other].get(new[column])
        for column in _TIMES:
            if column in new:
                moment = datetime.fromisoformat(new[column])
                new[column] = format_time(moment.astimezone(zone))
        if table in _WITH_IDS:
            if row["id"] not in dealt[table]:
                continue
            new["id"] = dealt[table][row["id"]]
        elif None in [new[column] for column in references]:
            continue
        found[new.get("id", -at)] = new
    return [found[key] for key in sorted(found, reverse=table not in _WITH_IDS)]
