"""Page through the scenes of a Stash by id, and skip those that break its answers.

If Stash cannot read the row or the relations of one scene, it answers with an error for
the whole page. And as Stash reads what scenes refer to (files, studios, tags) for many
scenes together, one bad scene makes all of them seem broken. The page is then halved
until that scene is alone; it is noted as sick and left out of later queries.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...engine.model.faults import Fault
from ..base import source_fault
from . import queries
from .client import StashAnswer, TooMuchFault
from .sick import Sick

PAGE = 250  # scenes with all their fields; parsing more blocks the event loop
SMALLEST_PAGE = 25
_SAMPLES = 3  # other scenes to try before a scene is blamed
_GOLDEN = 0.618034  # the fractional parts of its multiples are well spread
_LEFT_OUT = 200  # scenes in one filter at most
_MAX_ID = 2**31 - 1

type Scene = Mapping[str, Any]
type Ask = Callable[..., Awaitable[StashAnswer]]


@dataclass(frozen=True, slots=True)
class ScenePage:
    """Some scenes in the order of their ids; ``last`` is the highest id.

    ``passed`` are the sick scenes that were skipped; ``date`` is the server's clock.
    """

    scenes: tuple[Scene, ...] = ()
    last: int = 0
    done: bool = True
    passed: tuple[str, ...] = ()
    date: datetime | None = None


class Shape:
    """Raise a fault for an answer of unexpected shape."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Replace the errors that an unexpected shape raises."""
        if kind and issubclass(
            kind, AttributeError | KeyError | TypeError | ValueError
        ):
            raise source_fault("broken_answer") from None


class SceneWalker:
    """Read page after page, with smaller pages if answers take too long.

    Paging by id skips nothing and ends, however many rows are added or removed meanwhile,
    or share the same second.
    """

    def __init__(self, ask: Ask) -> None:
        """Take a function that sends a document with variables.

        Its ``partial`` is that of the client. With ``check``, it checks after an error
        whether Stash is ready at all.
        """
        self._ask = ask
        self.per_page = PAGE
        self._samples = 0

    async def walk(
        self,
        document: str,
        criteria: Mapping[str, Any],
        after: int,
        sick: Sick,
        *,
        most: int = PAGE,
        leave_out: bool = True,
    ) -> AsyncIterator[ScenePage]:
        """Read the scenes that match, in the order of their ids, from ``after`` on.

        Scenes in ``sick`` are left out, and scenes that turn out to be sick are added. If
        Stash answers every query with an error, no scene is to blame: the fault is raised.
        """
        sizes: list[
            int
        ] = []  # sizes of the parts of a broken page; the last one is next
        passed: list[str] = []
        others_answer = done = False
        while not done:
            whole = not sizes
            size = max(1, most * self.per_page // PAGE) if whole else sizes.pop()
            fits: Mapping[str, Any] = {**criteria, **queries.beyond(after)}
            if leave_out:
                fits = left_out(fits, sick)
            variables = {"filter": fits, "page": queries.page(size)}
            try:
                answer = await self.ask_much(
                    document, variables, whole=whole, check=not others_answer
                )
                with Shape():
                    page, broken = _take(answer, after)
            except Fault as fault:
                if fault.reason != "error":
                    raise
                if not others_answer:
                    await self._check_others(document, sick, fault)
                    others_answer = True
                if size > 1:
                    sizes += (size - size // 2, size // 2)
                    continue
                if (alone := await self._first(fits, after)) is None:
                    raise
                sick.found(str(alone))
                passed.append(str(alone))
                after = alone
                continue
            if broken and not others_answer and (len(broken) > 1 or not page.scenes):
                await self._check_others(document, sick, source_fault("error"))
                others_answer = True
            if len(broken) > 1:
                size = len(page.scenes) + len(broken)
                sizes += (size - size // 2, size // 2)
                continue
            for scene_id in broken:
                sick.found(scene_id)
            yield replace(page, passed=(*passed, *broken))
            passed = []
            after, done = page.last, page.done

    async def ask_much(
        self,
        document: str,
        variables: Mapping[str, Any],
        *,
        whole: bool = True,
        check: bool = True,
    ) -> StashAnswer:
        """Ask for a page; if it was too large, later pages are smaller."""
        try:
            answer = await self._ask(document, variables, partial=True, check=check)
        except TooMuchFault:
            self.per_page = max(SMALLEST_PAGE, self.per_page // 2)
            raise
        if whole:
            self.per_page = min(PAGE, self.per_page + SMALLEST_PAGE)
        return answer

    async def _check_others(self, document: str, sick: Sick, fault: Fault) -> None:
        """Raise the fault unless at least one other scene can be read."""
        fits = left_out({}, sick)
        if not (count := await self.count(fits)):
            raise fault
        for _ in range(_SAMPLES):
            self._samples += 1
            number = 1 + int(self._samples * _GOLDEN % 1 * count)
            variables = {"filter": fits, "page": queries.page(1, number=number)}
            try:
                answer = await self._ask(document, variables, partial=True, check=False)
                with Shape():
                    page, _ = _take(answer, 0)
                if page.scenes:
                    return
            except Fault as other:
                if other.reason != "error":
                    raise
        raise fault

    async def count(self, criteria: Mapping[str, Any]) -> int:
        """Count the scenes that match, without reading any."""
        answer = await self._ask(queries.COUNT, {"filter": criteria})
        with Shape():
            return int(answer.data["found"]["count"])

    async def _first(self, criteria: Mapping[str, Any], after: int) -> int | None:
        """Return the first scene after an id, found by counting, without reading it."""

        async def beyond(scene_id: int) -> int:
            return await self.count(
                {"AND": criteria, **queries.beyond(min(scene_id, _MAX_ID))}
            )

        if not (count := await beyond(after)):
            return None
        low, step = after, 1
        while await beyond(low + step) == count and low < _MAX_ID:
            low, step = low + step, step * 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            if await beyond(middle) < count:
                high = middle
            else:
                low = middle
        return high


def left_out(criteria: Mapping[str, Any], sick: Sick) -> Mapping[str, Any]:
    """Leave out the sick scenes found first, as many as a filter can have."""
    return queries.without(criteria, list(sick)[:_LEFT_OUT])


def result(found: Any, word: str) -> tuple[int, tuple[Any, ...]]:
    """Return the count and the rows in the result of a find query."""
    return int(found["count"]), tuple(found[word])


def numbers_of(scenes: Iterable[Scene]) -> list[int]:
    """Return the ids of scenes; raises ValueError for one that cannot be queried."""
    numbers = [int(scene["id"]) for scene in scenes]
    if any(not 0 <= number <= _MAX_ID for number in numbers):
        raise ValueError
    return numbers


def _take(answer: StashAnswer, after: int) -> tuple[ScenePage, tuple[str, ...]]:
    """Return a page of scenes, and the ids of scenes that an error left incomplete.

    Raises ValueError unless every id is greater than ``after``, and Fault if an error
    concerns more than single scenes.
    """
    count, scenes = result(answer.data["found"], "scenes")
    numbers = numbers_of(scenes)
    if numbers and min(numbers) <= after:
        raise ValueError
    rows = set()
    for place in answer.broken:
        match place:
            case ("found", "scenes", int() as row, *_) if row < len(scenes):
                rows.add(row)
            case _:
                raise source_fault("error")
    whole = tuple(scene for row, scene in enumerate(scenes) if row not in rows)
    # The rows decide, so that a count that is too high does not cause an endless loop.
    done = not scenes or count <= len(scenes)
    page = ScenePage(whole, max(numbers, default=after), done, date=answer.date)
    return page, tuple(str(scenes[row]["id"]) for row in sorted(rows))
