"""The state of the simulated Stash, whole."""

from collections.abc import Sequence
import json

from .archive import Archive
from .base import Kind
from .pictures import Cover, Picture, draw_cover, placeholder


class StashCore(Archive):
    """Everything a Stash knows, and everything its user can do to it.

    A test calls these methods as if it were that user; the GraphQL layer calls
    the same ones.
    """

    def set_cover_recipe(self, scene_id: int, cover: Cover) -> None:
        """Give a scene a cover that is drawn when it is first asked for."""
        self.store.run(
            "INSERT OR REPLACE INTO images VALUES ('scene', ?, NULL, ?)",
            (scene_id, json.dumps(cover)),
        )

    def picture(self, kind: str, owner_id: int) -> Picture:
        """Return the picture of something, or the placeholder of its kind."""
        row = self.store.first(
            "SELECT data, recipe FROM images WHERE kind = ? AND owner_id = ?",
            (kind, owner_id),
        )
        if row is None:
            return placeholder(kind)
        if row["data"] is not None:
            return Picture.of(row["data"])
        title, year, studio = json.loads(row["recipe"])
        return draw_cover(Cover(title, year, studio))

    def exists(self, kind: str, owner_id: int) -> bool:
        """Tell whether there is a scene, performer, studio, tag or group of that id."""
        table = (
            "scenes"
            if kind == "scene"
            else Kind(f"{kind.removesuffix('_back')}s").value
        )
        return (
            self.store.first(f'SELECT 1 FROM "{table}" WHERE id = ?', (owner_id,))
            is not None
        )

    def find_scene(self, title: str) -> int:
        """Return the id of the scene of that title; there must be exactly one."""
        (row,) = self.store.rows("SELECT id FROM scenes WHERE title = ?", (title,))
        return int(row[0])

    def updated_at(self, scene_id: int) -> str:
        """Return the raw text of a scene's time."""
        self.check_scene(scene_id)
        (row,) = self.store.rows(
            "SELECT updated_at FROM scenes WHERE id = ?", (scene_id,)
        )
        return str(row[0])

    def set_library(self, paths: Sequence[str]) -> None:
        """Name the library's roots."""
        with self.store.transaction():
            self.store.run("DELETE FROM library")
            self.store.run_many(
                "INSERT INTO library (path) VALUES (?)", [(path,) for path in paths]
            )
