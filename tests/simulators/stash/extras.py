"""What scenes have beside: galleries, markers, and the history of views."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .base import Kind, StashError, format_time
from .objects import Objects

VIEWS, ORGASMS = "view", "o"


class Marker(NamedTuple):
    """What a marker says."""

    title: str
    seconds: float
    scene_id: int
    primary_tag_id: int


class Extras(Objects):
    """Changes to these. None of them moves a scene's ``updated_at``."""

    def add_gallery(self, title: str) -> int:
        """Make a gallery."""
        now = self.now()
        return self.store.run(
            "INSERT INTO galleries (title, created_at, updated_at) VALUES (?, ?, ?)",
            (title, now, now),
        )

    def rename_gallery(self, key: int, title: str) -> None:
        """Rename a gallery."""
        self.store.run(
            "UPDATE galleries SET title = ?, updated_at = ? WHERE id = ?",
            (title, self.now(), key),
        )

    def delete_galleries(self, keys: Sequence[int]) -> None:
        """Delete galleries."""
        with self.store.transaction():
            for key in keys:
                self.store.run(
                    "DELETE FROM scenes_galleries WHERE gallery_id = ?", (key,)
                )
                self.store.run("DELETE FROM galleries WHERE id = ?", (key,))

    def add_marker(self, marker: Marker) -> int:
        """Make a marker."""
        now = self.now()
        return self.store.run(
            "INSERT INTO scene_markers (title, seconds, scene_id, primary_tag_id, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*marker, now, now),
        )

    def edit_marker(self, key: int, **columns: str | float) -> None:
        """Change a marker."""
        changes = columns | {"updated_at": self.now()}
        settings = ", ".join(f"{column} = ?" for column in changes)
        self.store.run(
            f"UPDATE scene_markers SET {settings} WHERE id = ?",
            (*changes.values(), key),
        )

    def delete_marker(self, key: int) -> None:
        """Delete a marker."""
        self.store.run("DELETE FROM scene_markers WHERE id = ?", (key,))

    def delete_object(self, kind: Kind, which: int | str) -> None:
        """Delete an object, but no tag that a marker is about."""
        if kind is Kind.TAG and self.store.first(
            "SELECT 1 FROM scene_markers WHERE primary_tag_id = ?",
            (self.object_id(kind, which),),
        ):
            raise StashError("cannot delete tag used as a primary tag in scene markers")
        super().delete_object(kind, which)

    def history(self, scene_id: int, kind: str) -> list[str]:
        """Return the dates of views, or the others, the latest first."""
        rows = self.store.rows(
            "SELECT at FROM history WHERE scene_id = ? AND kind = ? ORDER BY at DESC",
            (scene_id, kind),
        )
        return [row[0] for row in rows]

    def remember(self, scene_id: int, kind: str, times: Sequence[str] = ()) -> None:
        """Count one more, or one for each time; written in UTC, and no other time moves."""
        moments = [
            format_time(datetime.fromisoformat(each).astimezone(UTC)) for each in times
        ]
        self.store.run_many(
            "INSERT INTO history VALUES (?, ?, ?)",
            [(scene_id, kind, each) for each in moments or [self.now_utc()]],
        )
        self._recount(scene_id)

    def forget(self, scene_id: int, kind: str, *, everything: bool = False) -> None:
        """Take back the latest, or all of them."""
        some = "" if everything else " ORDER BY at DESC LIMIT 1"
        self.store.run(
            "DELETE FROM history WHERE rowid IN"
            f" (SELECT rowid FROM history WHERE scene_id = ? AND kind = ?{some})",
            (scene_id, kind),
        )
        self._recount(scene_id)

    def _recount(self, scene_id: int) -> None:
        """Count what a scene's own row says of its history."""
        of = "FROM history WHERE scene_id = scenes.id AND kind ="
        self.store.run(
            f"UPDATE scenes SET play_count = (SELECT count(*) {of} '{VIEWS}'),"
            f" o_counter = (SELECT count(*) {of} '{ORGASMS}'),"
            f" last_played_at = (SELECT max(at) {of} '{VIEWS}') WHERE id = ?",
            (scene_id,),
        )

    def play(self, scene_id: int) -> None:
        """Count a view; no time that a sync looks at moves."""
        self.remember(scene_id, VIEWS)
