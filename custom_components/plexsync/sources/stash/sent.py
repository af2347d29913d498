"""What polls have sent, to compare scenes with that are read once more."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
import hashlib
from typing import Any

import orjson

from .cursor import is_just_now
from .walk import ScenePage

_KEPT = 5000  # scenes that are remembered; what is sent twice costs Plex nothing


class Sent:
    """The content of the scenes that this poll and earlier ones have sent lately.

    A scene that may have changed without a new time is read again, but it is only sent
    again if it did change.
    """

    def __init__(self, cursor: str | None) -> None:
        """Start at a cursor, without knowledge of earlier polls."""
        self.cursor = cursor
        self._content: dict[str, bytes] = {}
        self._offered: dict[str, bytes] = {}

    def following(self, cursor: str | None) -> Sent:
        """Return the object for the next poll, which starts empty at another cursor."""
        then = Sent(cursor)
        if cursor == self.cursor:
            then._content = self._content  # our own kind
        return then

    def offer(self, page: ScenePage) -> ScenePage:
        """Leave out the scenes that are unchanged since they were sent or offered."""
        changed = []
        for scene in page.scenes:
            scene_id, content = str(scene["id"]), _digest(scene, page.date)
            before = self._offered.get(scene_id) or self._content.get(scene_id)
            if before != content:
                self._offered[scene_id] = content
                changed.append(scene)
        return replace(page, scenes=tuple(changed))

    def taken(self, cursor: str) -> None:
        """Note that what was offered is on disk, and where reading continues."""
        self.cursor = cursor
        for scene_id, content in self._offered.items():
            self._content.pop(scene_id, None)
            self._content[scene_id] = content
        self._offered.clear()
        for scene_id in list(self._content)[: max(0, len(self._content) - _KEPT)]:
            del self._content[scene_id]


def _digest(scene: Mapping[str, Any], read_at: datetime | None) -> bytes:
    """Digest a scene, and whether its cover may still change without a new time."""
    passing = is_just_now(str(scene.get("updated_at")), read_at)
    return hashlib.blake2b(orjson.dumps([scene, passing]), digest_size=16).digest()
