"""The tasks of Stash: scan, clean, generate covers, auto-tag."""

from collections.abc import Sequence
import re

from .base import Kind
from .disk import Disk
from .pictures import draw_frame
from .video import Video

_BETWEEN_WORDS = r"[.\-_ ]*"


class Tasks(Disk):
    """What a job of Stash does to the library."""

    def scan(self, *, covers: bool = False) -> None:
        """Take in what is new on the disk, and notice what moved; no time of a moved scene moves."""
        with self.store.transaction():
            made = [self._take_in(path) for path in self.strangers()]
            made += [
                self._adopt(int(row[0]))
                for row in self.store.rows(
                    "SELECT id FROM files WHERE id NOT IN (SELECT file_id FROM scenes_files)"
                    " ORDER BY id"
                )
            ]
            if covers:
                self.generate_covers([key for key in made if key is not None])

    def _take_in(self, path: str) -> int | None:
        """Take in one file; return the scene that was made for it, if one was."""
        video = self.video(path)
        twins = self._files_of(video)
        for twin in twins:
            if not self.is_there(self.file_path(twin)):
                self.move_file(twin, path, on_disk=False)
                return None
        owner = self._owner(twins[0]) if twins else None
        if owner is not None:
            self.add_file(owner, path, video=video)
            self.touch(owner)
            return None
        key = self.add_scene()
        self.add_file(key, path, video=video)
        return key

    def _adopt(self, file: int) -> int:
        """Make a scene for a file that has none."""
        key = self.add_scene()
        self.store.run("INSERT INTO scenes_files VALUES (?, ?, 1)", (key, file))
        return key

    def _files_of(self, video: Video) -> list[int]:
        """Return the known files of a content."""
        rows = self.store.rows(
            "SELECT file_id FROM files_fingerprints WHERE type = 'oshash' AND fingerprint = ?"
            " ORDER BY file_id",
            (video.oshash,),
        )
        return [int(row[0]) for row in rows]

    def _owner(self, file: int) -> int | None:
        """Return the scene a file belongs to."""
        row = self.store.first(
            "SELECT scene_id FROM scenes_files WHERE file_id = ?", (file,)
        )
        return None if row is None else int(row[0])

    def clean(self, *, dry_run: bool = False) -> None:
        """Forget files that are gone from the disk, and scenes that have no other.

        A scene that has another one gets a primary file anew: its time moves.
        """
        rows = self.store.rows("SELECT id FROM files ORDER BY id")
        gone = [int(row[0]) for row in rows]
        gone = [key for key in gone if not self.is_there(self.file_path(key))]
        if dry_run:
            return
        with self.store.transaction():
            for key in gone:
                owner = self._owner(key)
                self.delete_file(key)
                if owner is None:
                    continue
                if self.paths(owner):
                    self.touch(owner)
                else:
                    self.delete_scene(owner)

    def generate_covers(
        self, scenes: Sequence[int] | None = None, *, overwrite: bool = False
    ) -> None:
        """Make covers, of scenes that have none or of all; their time moves."""
        with self.store.transaction():
            for key in self.scene_ids() if scenes is None else scenes:
                bare = self.store.first(
                    "SELECT 1 FROM images WHERE kind = 'scene' AND owner_id = ?", (key,)
                )
                if (bare is None or overwrite) and self.paths(key):
                    self.draw_cover(key)

    def draw_cover(self, scene_id: int, at: float = 0.0) -> None:
        """Make the cover of a scene from its video."""
        video = self.video(self.paths(scene_id)[0])
        self.set_cover(scene_id, draw_frame(f"{video.md5}{at}"))

    def auto_tag(self, wanted: dict[Kind, Sequence[str]]) -> None:
        """Add what a path names to scenes that are not organized; "*" means every object."""
        with self.store.transaction():
            for kind, ids in wanted.items():
                for row in self.store.rows(f'SELECT id, name FROM "{kind}"'):
                    if "*" in ids or str(row["id"]) in ids:
                        self._tag_all(kind, row["id"], row["name"])

    def _tag_all(self, kind: Kind, key: int, name: str) -> None:
        """Add one object to the scenes whose path names it."""
        words = _BETWEEN_WORDS.join(re.escape(word) for word in name.split())
        pattern = re.compile(rf"(?:^|[\W_]){words}(?:[\W_]|$)", re.IGNORECASE)
        for row in self.store.rows("SELECT id FROM scenes WHERE NOT organized"):
            paths = self.paths(row[0])
            if any(pattern.search(path) for path in paths) and self.add_link(
                row[0], kind, key
            ):
                self.touch(row[0])

    def scene_ids(self) -> list[int]:
        """Return the ids of all scenes."""
        return [
            int(row[0]) for row in self.store.rows("SELECT id FROM scenes ORDER BY id")
        ]
