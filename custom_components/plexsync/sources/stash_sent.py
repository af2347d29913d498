"""What polls have sent, for scenes that are read once more."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
import hashlib
from typing import Any

import orjson

from .stash_cursor import is_just_now
from .stash_walk import ScenePage

_KEPT = 5000  # scenes


class Sent:
    """The scenes that a poll has sent, and the content of those that earlier ones sent.

    A scene that may have changed under the same time is read again; it is sent again
    only where it did.
    """

    def __init__(self, cursor: str | None) -> None:
        """Begin at a cursor, without knowing of earlier polls."""
        self.ids: set[int] = set()  # sent by this poll
        self.cursor = cursor
        self._content: dict[str, bytes] = {}
        self._offered: dict[str, bytes] = {}

    def following(self, cursor: str | None) -> Sent:
        """Return the next poll's; what this one knows is of use only at its own cursor."""
        then = Sent(cursor)
        if cursor == self.cursor:
            then._content = self._content  # our own kind
        return then

    def offer(self, page: ScenePage) -> ScenePage:
        """Leave out the scenes that stand as they were sent; the others are to be sent."""
        changed = []
        for scene in page.scenes:
            scene_id, content = str(scene["id"]), _digest(scene, page.date)
            if self._content.get(scene_id) != content:
                self._offered[scene_id] = content
                changed.append(scene)
        return replace(page, scenes=tuple(changed))

    def taken(self, cursor: str) -> None:
        """Note that what was offered has been taken in, and where reading goes on."""
        self.cursor = cursor
        for scene_id, content in self._offered.items():
            self._content.pop(scene_id, None)
            self._content[scene_id] = content
        self._offered.clear()
        for scene_id in list(self._content)[: max(0, len(self._content) - _KEPT)]:
            del self._content[scene_id]


def _digest(scene: Mapping[str, Any], read_at: datetime | None) -> bytes:
    """Digest a scene, and whether its cover may still change under the same time."""
    passing = is_just_now(str(scene.get("updated_at")), read_at)
    return hashlib.blake2b(orjson.dumps([scene, passing]), digest_size=16).digest()
