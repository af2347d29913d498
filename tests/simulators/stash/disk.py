"""The disk below the library: files that are there, whether Stash knows of them or not.

What the database knows is on the disk unless something was done to it here. A
scan and a clean are what makes Stash notice.
"""

from dataclasses import asdict
import json

from .base import StashError
from .scenes import Scenes
from .video import Video


class Disk(Scenes):
    """What happens to files behind Stash's back."""

    def put(
        self,
        path: str,
        *,
        seconds: float = 60.0,
        width: int = 640,
        height: int = 480,
        oshash: str | None = None,
    ) -> None:
        """Put a new video on the disk."""
        video = asdict(Video.of(path, seconds=seconds, width=width, height=height))
        if oshash is not None:
            video["oshash"] = oshash
        self._set(path, Video(**video))

    def move(self, path: str, to: str) -> None:
        """Move a file on the disk."""
        self.copy(path, to)
        self._set(path, None)

    def copy(self, path: str, to: str) -> None:
        """Copy a file on the disk."""
        self._set(to, self.video(path))

    def remove(self, path: str) -> None:
        """Delete a file from the disk."""
        self.video(path)
        self._set(path, None)

    def _set(self, path: str, video: Video | None) -> None:
        """Say what is at a path."""
        content = None if video is None else json.dumps(asdict(video))
        self.store.run("INSERT OR REPLACE INTO disk VALUES (?, ?)", (path, content))

    def video(self, path: str) -> Video:
        """Return what is in the file at a path."""
        row = self.store.first("SELECT content FROM disk WHERE path = ?", (path,))
        if row is None:
            return self._known(path)
        if row[0] is None:
            raise StashError(f"no such file: {path}")
        return Video(**json.loads(row[0]))

    def _known(self, path: str) -> Video:
        """Return what the database says of a file."""
        key = self.file_id(path)
        prints = {
            row["type"]: row["fingerprint"]
            for row in self.store.rows(
                "SELECT type, fingerprint FROM files_fingerprints WHERE file_id = ?",
                (key,),
            )
        }
        row = self.store.first(
            "SELECT size, duration, width, height FROM files WHERE id = ?", (key,)
        )
        assert row is not None
        return Video(prints["oshash"], prints["md5"], prints["phash"], *row)

    def is_there(self, path: str) -> bool:
        """Tell whether the disk has a file at a path."""
        try:
            self.video(path)
        except StashError:
            return False
        return True

    def strangers(self) -> list[str]:
        """Return the paths on the disk that the database does not know, sorted."""
        paths = self.store.rows(
            "SELECT path FROM disk WHERE content IS NOT NULL ORDER BY path"
        )
        return [row[0] for row in paths if not self.knows(row[0])]

    def knows(self, path: str) -> bool:
        """Tell whether the database has a file at a path."""
        try:
            self.file_id(path)
        except StashError:
            return False
        return True

    def file_path(self, key: int) -> str:
        """Return the path of a file."""
        row = self.store.first(
            "SELECT d.path || ? || f.basename FROM files f JOIN folders d ON d.id = f.parent_folder_id"
            " WHERE f.id = ?",
            (self.separator, key),
        )
        if row is None:
            raise StashError(f"getting file by id {key}: sql: no rows in result set")
        return str(row[0])
