"""Reads one Stash: asks, checks the shape of the answer, pages."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..engine.retry import Fault
from . import stash_queries as queries
from .base import SourceInfo
from .stash_client import Answer, StashClient, TooMuchFault, source_fault
from .stash_cursor import BEGINNING, FRESH, Listing, Row, State, earlier
from .stash_mapping import StashOptions
from .stash_queries import SCENES, Kind, Schema

PAGE = 500  # scenes, with all their fields
SWEEP_PAGE = 1000  # scenes, id and time only
LISTED = 1000  # rows of each kind in the question for changes
_SMALLEST_PAGE = 25
_RELATED = 100  # performers and the like in one question for their scenes
_REREAD = 50  # scenes asked for by id in one question

type Scene = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some scenes in the order of their ids; ``last`` is the greatest id."""

    scenes: tuple[Scene, ...] = ()
    last: int = 0
    done: bool = True


@dataclass(frozen=True, slots=True)
class Listings:
    """What changed last, by kind; ``date`` is the server's clock.

    ``again`` are scenes changed after ``bound``: they were changed so shortly
    before the last look that their time may hide another change.
    """

    kinds: Mapping[str, Listing]
    date: datetime | None
    bound: str | None = None
    again: Page | None = None


class StashReader:
    """The questions that we put to a Stash, fitted to what it can answer."""

    def __init__(self, client: StashClient, options: StashOptions) -> None:
        """Start without knowing the Stash; ``learn`` or the first question changes that."""
        self._client = client
        self._options = options
        self._schema: Schema | None = None
        self._per_page = PAGE

    async def learn(self) -> SourceInfo:
        """Check health and access, and learn the names that this Stash knows."""
        self._schema = None
        version = await self._check_health()
        data = (await self._client.query(queries.LEARN)).data
        self._schema = Schema.from_answer(data)
        return SourceInfo(version, tuple(_roots(data)))

    async def kinds(self) -> list[Kind]:
        """List the kinds whose changes concern us; scenes come first."""
        schema = await self._known_schema()
        return [SCENES, *schema.dependencies(self._options)]

    async def listings(self, states: Mapping[str, State]) -> Listings:
        """List what changed last, for each kind, in one request.

        A kind without a state is listed from the beginning.
        """
        kinds = await self.kinds()
        variables: dict[str, Any] = {
            kind.name: queries.after(states.get(kind.name, State()).floor)
            for kind in kinds
        }
        variables["page"] = queries.page(LISTED, sort="updated_at", direction="DESC")
        selection = bound = None
        if (scenes := states.get(SCENES.name)) and scenes.again:
            selection, bound = await self._selection(), earlier(scenes.at, FRESH)
            variables["again"] = queries.after(bound)
            variables["againPage"] = queries.page(self._per_page)
        ask = self._ask_much if selection else self._ask
        answer = await ask(queries.listing(kinds, selection), variables)
        with _Shape():
            return Listings(
                {kind.name: _listing(answer.data[kind.name], kind) for kind in kinds},
                answer.date,
                bound,
                _page(answer.data["again"], 0) if selection else None,
            )

    async def ids(self, kind: Kind, bound: str) -> list[str]:
        """List all of a kind that changed after a text time."""
        variables = {"filter": queries.after(bound), "page": queries.page(-1)}
        answer = await self._ask(queries.ids(kind), variables)
        with _Shape():
            return [str(row["id"]) for row in answer.data["found"][kind.word]]

    async def pages(
        self, criteria: Mapping[str, Any], after: int = 0
    ) -> AsyncIterator[Page]:
        """Read scenes that fit, in the order of their ids, from ``after`` on.

        Paging by id skips nothing and ends, however many rows come, go, or share
        one second meanwhile. The page shrinks when answers take too long.
        """
        document = queries.scenes(await self._selection())
        done = False
        while not done:
            size = self._per_page
            variables = {
                "filter": {**criteria, **queries.beyond(after)},
                "page": queries.page(size),
            }
            answer = await self._ask_much(document, variables)
            with _Shape():
                page = _page(answer.data["found"], after)
            yield page
            after, done = page.last, page.done

    def changed(self, bound: str, after: int = 0) -> AsyncIterator[Page]:
        """Read the scenes that changed after a text time; all, after the beginning."""
        criteria = queries.after(bound) if bound != BEGINNING else {}
        return self.pages(criteria, after)

    async def related(
        self, kind: Kind, object_ids: Iterable[str]
    ) -> AsyncIterator[Page]:
        """Read the scenes of some performers, studios, tags or groups."""
        remaining = list(object_ids)
        while remaining:
            some, remaining = remaining[:_RELATED], remaining[_RELATED:]
            async for page in self.pages(queries.related(kind, some)):
                yield page

    async def by_ids(self, scene_ids: Iterable[str]) -> dict[str, Scene | None]:
        """Read single scenes afresh; None for those that are gone."""
        selection = await self._selection()
        remaining = list(dict.fromkeys(scene_ids))
        found: dict[str, Scene | None] = {}
        while remaining:
            some, remaining = remaining[:_REREAD], remaining[_REREAD:]
            answer = await self._ask(queries.scenes_by_id(selection, some))
            with _Shape():
                for scene_id in some:
                    scene = answer.data[f"s{scene_id}"]
                    if scene is not None and str(scene["id"]) != scene_id:
                        raise KeyError
                    found[scene_id] = scene
        return found

    async def by_path(self, path: str) -> tuple[Scene, ...]:
        """Read the scenes that seem to have this file, as Stash names it."""
        document = queries.scenes(await self._selection())
        variables = {
            "filter": queries.exactly(path),
            "page": queries.page(_SMALLEST_PAGE),
        }
        answer = await self._ask(document, variables)
        with _Shape():
            return _result(answer.data["found"], "scenes")[1]

    async def sweep(self) -> AsyncIterator[tuple[Scene, ...]]:
        """Read id and time of every scene, in the order of the ids."""
        document = queries.scenes("id updated_at")
        after, done = 0, False
        while not done:
            variables = {
                "filter": queries.beyond(after),
                "page": queries.page(SWEEP_PAGE),
            }
            answer = await self._ask(document, variables)
            with _Shape():
                page = _page(answer.data["found"], after)
            after, done = page.last, page.done
            if page.scenes:
                yield page.scenes

    async def count(self) -> int:
        """Count the scenes."""
        answer = await self._ask(queries.COUNT)
        with _Shape():
            return int(answer.data["findScenes"]["count"])

    async def _known_schema(self) -> Schema:
        if self._schema is None:
            await self.learn()
        if self._schema is None:  # another task met a fault meanwhile
            raise source_fault("schema")
        return self._schema

    async def _selection(self) -> str:
        return (await self._known_schema()).scene(self._options)

    async def _ask(
        self, document: str, variables: Mapping[str, Any] | None = None
    ) -> Answer:
        try:
            return await self._client.query(document, variables)
        except Fault as fault:
            if fault.reason == "schema":
                self._schema = None  # this Stash was replaced by another version
            elif fault.reason == "error":
                # A Stash that waits for its owner answers every question like that.
                await self._check_health()
            raise

    async def _ask_much(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """Ask for a page of ``_per_page``; the next is smaller if that was too much."""
        try:
            answer = await self._ask(document, variables)
        except TooMuchFault:
            self._per_page = max(_SMALLEST_PAGE, self._per_page // 2)
            raise
        self._per_page = min(PAGE, self._per_page + _SMALLEST_PAGE)
        return answer

    async def _check_health(self) -> str | None:
        """Give the version of a Stash that is ready to answer."""
        data = (await self._client.query(queries.HEALTH)).data
        with _Shape():
            status = data["systemStatus"]["status"]
            version = (data.get("version") or {}).get("version")
        if status == "OK":
            return str(version) if version else None
        self._schema = None
        match status:
            case "NEEDS_MIGRATION":
                raise source_fault("needs_migration")
            case "SETUP":
                raise source_fault("setup")
            case _:
                raise source_fault("broken_answer")


class _Shape:
    """Turn an answer of another shape into its fault."""

    def __enter__(self) -> None:
        """Enter; nothing to do."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Replace what a wrong shape raises."""
        if kind and issubclass(
            kind, AttributeError | KeyError | TypeError | ValueError
        ):
            raise source_fault("broken_answer") from None


def _result(found: Any, word: str) -> tuple[int, tuple[Any, ...]]:
    """Take count and rows out of a find query's result."""
    return int(found["count"]), tuple(found[word])


def _listing(found: Any, kind: Kind) -> Listing:
    count, rows = _result(found, kind.word)
    return Listing(
        count,
        tuple(
            Row(
                str(row["id"]),
                str(row["updated_at"]),
                "\0".join(str(row.get(name) or "") for name in kind.marks),
            )
            for row in rows
        ),
    )


def _page(found: Any, after: int) -> Page:
    """Take a page of scenes; ValueError unless every id lies beyond ``after``."""
    count, scenes = _result(found, "scenes")
    numbers = [int(scene["id"]) for scene in scenes]
    if numbers and min(numbers) <= after:
        raise ValueError
    # The rows decide: a count that promises more than ever comes must not loop.
    done = not scenes or count <= len(scenes)
    return Page(scenes, max(numbers, default=after), done)


def _roots(data: Mapping[str, Any]) -> list[str]:
    with _Shape():
        return [
            stash["path"]
            for stash in data["configuration"]["general"]["stashes"] or ()
            if not stash.get("excludeVideo")
        ]
