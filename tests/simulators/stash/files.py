"""The files of scenes: where they are, and what identifies them."""

from hashlib import md5
import zlib

from .base import StashError
from .extras import Extras
from .video import Video


class Files(Extras):
    """Changes to files."""

    def split_path(self, path: str) -> tuple[str, str]:
        """Split a path at the server's separator into folder and name."""
        folder, _, name = path.rpartition(self.separator)
        if not folder or not name:
            raise ValueError(f"Not an absolute file path of this server: {path}")
        return folder, name

    def _folder(self, path: str) -> int:
        """Return the id of a folder, made if there is none."""
        row = self.store.first("SELECT id FROM folders WHERE path = ?", (path,))
        return (
            int(row[0])
            if row
            else self.store.run("INSERT INTO folders (path) VALUES (?)", (path,))
        )

    def file_id(self, which: int | str) -> int:
        """Return the id of a file given by id or path."""
        if isinstance(which, int):
            row = self.store.first("SELECT id FROM files WHERE id = ?", (which,))
        else:
            row = self.store.first(
                "SELECT f.id FROM files f JOIN folders d ON d.id = f.parent_folder_id"
                " WHERE d.path = ? AND f.basename = ?",
                self.split_path(which),
            )
        if row is None:
            raise StashError(f"file with id {which} not found")
        return int(row[0])

    def add_file(
        self,
        scene_id: int,
        path: str,
        *,
        twin: int | None = None,
        video: Video | None = None,
    ) -> int:
        """Give a scene one more file, primary if it is the first; no time of the scene moves.

        ``twin`` is a file of the same content: size and fingerprints are the same.
        ``video`` is what is in it, if that matters.
        """
        folder, name = self.split_path(path)
        now = self.now()
        seed = zlib.crc32(path.encode())
        with self.store.transaction():
            key = self.store.run(
                "INSERT INTO files (basename, parent_folder_id, size, duration, mod_time, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    self._folder(folder),
                    700_000_000 + seed,
                    2400.0 + seed % 6000,
                    now,
                    now,
                    now,
                ),
            )
            if video is not None:
                self._write_content(key, video)
            elif twin is None:
                self._write_fingerprints(key, path)
            else:
                self._copy_content(key, twin)
            first = not self.store.number(
                "SELECT count(*) FROM scenes_files WHERE scene_id = ?", (scene_id,)
            )
            self.store.run(
                "INSERT INTO scenes_files VALUES (?, ?, ?)", (scene_id, key, int(first))
            )
        return key

    def _write_fingerprints(self, key: int, content: str) -> None:
        """Store fingerprints; ``content`` stands for the bytes of the file."""
        digest = md5(content.encode(), usedforsecurity=False).hexdigest()
        prints = {"oshash": digest[:16], "md5": digest, "phash": digest[16:]}
        self._set_fingerprints(key, prints)

    def _set_fingerprints(self, key: int, prints: dict[str, str]) -> None:
        """Store fingerprints."""
        self.store.run_many(
            "INSERT INTO files_fingerprints VALUES (?, ?, ?)",
            [(key, kind, value) for kind, value in prints.items()],
        )

    def _write_content(self, key: int, video: Video) -> None:
        """Store what a video is."""
        self.store.run(
            "UPDATE files SET size = ?, duration = ?, width = ?, height = ? WHERE id = ?",
            (video.size, video.duration, video.width, video.height, key),
        )
        prints = {"oshash": video.oshash, "md5": video.md5, "phash": video.phash}
        self._set_fingerprints(key, prints)

    def _copy_content(self, key: int, twin: int) -> None:
        """Make a file the copy of another."""
        self.store.run(
            "UPDATE files SET (size, duration) = (SELECT size, duration FROM files WHERE id = ?)"
            " WHERE id = ?",
            (twin, key),
        )
        self.store.run(
            "INSERT INTO files_fingerprints SELECT ?, type, fingerprint FROM files_fingerprints"
            " WHERE file_id = ?",
            (key, twin),
        )

    def move_file(self, which: int | str, path: str, *, on_disk: bool = True) -> None:
        """Rename or move a file, as a renamer does, or a scan that finds it moved; the scene's time stays."""
        key = self.file_id(which)
        folder, name = self.split_path(path)
        with self.store.transaction():
            if on_disk:
                # From now on the database alone says where the file is.
                self.store.run(
                    "DELETE FROM disk WHERE path = ? OR path ="
                    " (SELECT d.path || ? || f.basename FROM files f JOIN folders d ON d.id = f.parent_folder_id WHERE f.id = ?)",
                    (path, self.separator, key),
                )
            self.store.run(
                "UPDATE files SET basename = ?, parent_folder_id = ?, updated_at = ? WHERE id = ?",
                (name, self._folder(folder), self.now(), key),
            )

    def assign_file(self, scene_id: int, which: int | str) -> None:
        """Hand a file over to another scene; no scene's time moves."""
        key = self.file_id(which)
        with self.store.transaction():
            owner = self.store.number(
                "SELECT scene_id FROM scenes_files WHERE file_id = ?", (key,)
            )
            taken = self.store.number(
                "SELECT count(*) FROM scenes_files WHERE scene_id = ?", (scene_id,)
            )
            self.store.run("DELETE FROM scenes_files WHERE file_id = ?", (key,))
            self.store.run(
                "INSERT INTO scenes_files VALUES (?, ?, ?)",
                (scene_id, key, int(not taken)),
            )
            self._elect_primary(owner)

    def delete_file(self, key: int) -> None:
        """Forget a file."""
        with self.store.transaction():
            owner = self.store.number(
                "SELECT scene_id FROM scenes_files WHERE file_id = ?", (key,)
            )
            for table in ("scenes_files", "files_fingerprints"):
                self.store.run(f"DELETE FROM {table} WHERE file_id = ?", (key,))
            self.store.run("DELETE FROM files WHERE id = ?", (key,))
            self._elect_primary(owner)

    def set_primary(self, scene_id: int, key: int) -> None:
        """Make a file the primary one of its scene."""
        self.store.run(
            'UPDATE scenes_files SET "primary" = (file_id = ?) WHERE scene_id = ?',
            (key, scene_id),
        )

    def is_primary(self, key: int) -> bool:
        """Tell whether a file is the primary one of its scene."""
        return bool(
            self.store.number(
                'SELECT "primary" FROM scenes_files WHERE file_id = ?', (key,)
            )
        )

    def _elect_primary(self, scene_id: int) -> None:
        """Make the first file primary where none is."""
        self.store.run(
            'UPDATE scenes_files SET "primary" = 1 WHERE rowid = (SELECT min(rowid) FROM scenes_files WHERE scene_id = ?)'
            ' AND NOT EXISTS (SELECT 1 FROM scenes_files WHERE scene_id = ? AND "primary" = 1)',
            (scene_id, scene_id),
        )

    def paths(self, scene_id: int) -> list[str]:
        """Return the paths of a scene, the primary file's first."""
        return [
            row[0]
            for row in self.store.rows(
                "SELECT d.path || ? || f.basename FROM scenes_files s JOIN files f ON f.id = s.file_id"
                ' JOIN folders d ON d.id = f.parent_folder_id WHERE s.scene_id = ? ORDER BY s."primary" DESC, s.rowid',
                (self.separator, scene_id),
            )
        ]
