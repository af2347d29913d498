"""Read single scenes by id, many in one request."""

from collections.abc import Awaitable, Callable, Iterable

from ...engine.model.faults import Fault
from . import queries
from .client import StashAnswer
from .mapping import marks_of
from .sick import Sick
from .walk import Ask, Scene, Shape

_REREAD = 50  # scenes in one request
_TOO_MANY = 3  # scenes that fail, with none that can be read, until Stash is to blame


class SingleScenes:
    """Read scenes by their ids; one that is gone does not affect the others."""

    def __init__(
        self, ask: Ask, selection: Callable[[], Awaitable[str]], sick: Sick
    ) -> None:
        """Take the functions to send queries and select fields, and the list of sick scenes."""
        self._ask = ask
        self._selection = selection
        self._sick = sick

    async def read(self, scene_ids: Iterable[str]) -> dict[str, Scene | None]:
        """Read single scenes; None for those that are gone.

        Scenes that cannot be read are left out, and noted as sick.
        """
        selection = await self._selection()
        ids = list(dict.fromkeys(scene_ids))
        waiting = [ids[at : at + _REREAD] for at in range(0, len(ids), _REREAD)]
        found: dict[str, Scene | None] = {}
        alone: list[str] = []
        while waiting:
            some = waiting.pop(0)
            document = queries.scenes_by_id(selection, some)
            try:
                answer = await self._ask(document, partial=True)
                broken = _broken(answer, some)
            except Fault as fault:
                if fault.reason != "error":
                    raise
                if len(some) > 1:
                    waiting[:0] = _halves(some)
                    continue
                alone += some
                if len(alone) >= _TOO_MANY and not found:
                    raise
                continue
            if len(broken) > 1:  # one scene may have broken the others
                waiting[:0] = _halves(broken)
            elif broken:
                self._sick.found(broken[0])
            with Shape():
                for scene_id in some:
                    scene = answer.data[f"s{scene_id}"]
                    if scene_id in broken:
                        continue
                    if scene is not None and str(scene["id"]) != scene_id:
                        raise KeyError
                    found[scene_id] = scene
        for scene_id in alone:
            self._sick.found(scene_id)
        return found

    async def files(
        self, scene_ids: Iterable[str]
    ) -> dict[str, tuple[str, ...] | None]:
        """Return the marks of the scenes' files; None for scenes that are gone.

        For scenes that cannot be read, there are no marks.
        """
        ids = list(scene_ids)
        document = queries.scenes_by_id(f"id {queries.FILES}", ids)
        answer = await self._ask(document, partial=True)
        broken = _broken(answer, ids)
        with Shape():
            found = {
                scene_id: ()
                if scene_id in broken
                else marks_of(scene)
                if (scene := answer.data[f"s{scene_id}"]) is not None
                else None
                for scene_id in ids
            }
        if len(broken) > 1:
            for some in _halves(broken):
                found |= await self.files(some)
        return found

    async def lacks(self, scene_id: str) -> bool:
        """Return whether a scene does not exist; one that cannot be read does exist."""
        document = queries.scenes_by_id("id", [scene_id])
        answer = await self._ask(document, partial=True)
        with Shape():
            return answer.data[f"s{scene_id}"] is None and not answer.broken


def _broken(answer: StashAnswer, scene_ids: Iterable[str]) -> list[str]:
    """Return the scenes that an error left empty in an answer."""
    places = {place[0] for place in answer.broken}
    return [scene_id for scene_id in scene_ids if f"s{scene_id}" in places]


def _halves(scene_ids: list[str]) -> tuple[list[str], list[str]]:
    """Split a list in two."""
    middle = len(scene_ids) // 2
    return scene_ids[:middle], scene_ids[middle:]
