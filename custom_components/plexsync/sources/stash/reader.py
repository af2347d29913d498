"""Read a Stash: send queries, check the shape of answers, and page."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...engine.model.faults import Fault
from ..base import SourceInfo, source_fault
from . import queries
from .client import StashAnswer, StashClient
from .cursor import BEGINNING, FRESH, LISTED, ListedObject, Listing, ReadMark, earlier
from .jobs import IMPORT, StashJobs, kind_of
from .lacking import lacking
from .losses import StashLosses
from .options import StashOptions
from .queries import SCENES, ObjectKind, Schema
from .sick import Sick
from .single import SingleScenes
from .walk import Scene, ScenePage, SceneWalker, Shape, left_out, numbers_of, result

SWEEP_PAGE = 1000  # scenes, with only id and time
_LAST = 50  # scenes that are read once more in the same request as the lists
_FEW = 4  # scenes that may share a file
_RELATED = 100  # performers and the like in one request for their scenes
_LIGHT = queries.scenes("id updated_at")


@dataclass(frozen=True, slots=True)
class Listings:
    """The last changes by kind; ``date`` is the server's clock.

    A kind that Stash cannot list now is left out.

    ``again`` are scenes that changed after ``bound``, so shortly before the last look that
    another change may have got the same time.
    """

    kinds: Mapping[str, Listing]
    date: datetime | None
    bound: str | None = None
    again: ScenePage | None = None


class StashReader:
    """The requests to a Stash, fitted to what it supports."""

    def __init__(self, client: StashClient, options: StashOptions) -> None:
        """Initialize; ``learn``, or the first request, finds out what Stash supports."""
        self._client = client
        self._options = options
        self._schema: Schema | None = None
        self.lacking: frozenset[str] | None = (
            None  # unsupported options; None if unknown
        )
        self._walker = SceneWalker(self._ask)
        self.sick = Sick()  # scenes that cannot be read, by id
        self.single = SingleScenes(self._ask, self._selection, self.sick)
        self._unlisted = Sick()  # those among them that break even lists
        self._mute = Sick()  # kinds that cannot be listed
        self.jobs = StashJobs()
        self.losses = StashLosses()

    @property
    def unreadable(self) -> int:
        """Count the scenes and kinds that make Stash answer with an error."""
        return len(self.sick) + len(self._mute)

    async def learn(self) -> SourceInfo:
        """Check health and access, and learn which fields this Stash has."""
        self._schema = None
        version = await self.check_health()
        data = (await self._client.query(queries.LEARN)).data
        self._schema = Schema.from_answer(data)
        self.lacking = lacking(self._schema, self._options)
        return SourceInfo(version, tuple(_roots(data)))

    async def kinds(self) -> list[ObjectKind]:
        """Return the kinds whose changes matter to us; scenes come first."""
        schema = await self._known_schema()
        return [SCENES, *schema.dependencies(self._options)]

    async def listings(
        self,
        states: Mapping[str, ReadMark],
        since: Mapping[str, str] | None = None,
        most: int = LISTED,
    ) -> Listings:
        """List the last changes of each kind in one request.

        These are the newest rows that changed within the window of the kind's state, or
        after the text time in ``since``. A kind without either is listed from the
        beginning. If the request fails with an error, each kind is listed by itself.
        """
        floors = {name: state.floor for name, state in states.items()}
        floors |= since or {}
        mute = set(self._mute) - set(self._mute.due())
        kinds = [kind for kind in await self.kinds() if kind.name not in mute]
        try:
            found = await self._list(
                kinds, floors, most, _bound(states), whole=True, totals=not since
            )
        except Fault as fault:
            if fault.reason != "error":
                raise
            return await self._list_apart(kinds, floors, most, _bound(states))
        self._mute.forget(found.kinds)
        return found

    async def _list(
        self,
        kinds: Iterable[ObjectKind],
        floors: Mapping[str, str],
        most: int,
        bound: str | None = None,
        *,
        whole: bool = False,
        totals: bool = False,
    ) -> Listings:
        """Ask for lists; if they are a ``whole`` look, ask for the jobs as well.

        ``totals`` are compared to find out whether something was deleted. What a full
        import deletes at its beginning does not count.
        """
        kinds = list(kinds)
        variables: dict[str, Any] = {
            kind.name: _since(kind, floors, self._unlisted) for kind in kinds
        }
        variables["page"] = queries.page(most, sort="updated_at", direction="DESC")
        selection = None
        if bound is not None:
            selection = await self._selection()
            variables["again"] = left_out(queries.after(bound), self.sick)
            variables["againPage"] = queries.page(min(_LAST, self._walker.per_page))
        if jobs := whole and (await self._known_schema()).jobs:
            variables |= {"job": self.jobs.next, "last": self.jobs.last}
        document = queries.listing(kinds, selection, jobs=jobs, totals=totals)
        if selection:
            answer = await self._walker.ask_much(document, variables)
            if answer.broken:
                raise source_fault("error")
        else:
            answer = await self._ask(document, variables)
        with Shape():
            if jobs:
                data = answer.data
                self.jobs.see(data["jobQueue"], data["last"], data["job"])
            lists = {
                kind.name: _listing(answer.data[kind.name], kind) for kind in kinds
            }
            if totals and not self.jobs.importing:
                rows = lists[SCENES.name].rows
                self.losses.see(
                    {name: int(answer.data[f"{name}Total"]["count"]) for name in lists},
                    rows[0].raw if rows else "",
                )
            return Listings(
                lists,
                answer.date,
                bound,
                _again(answer.data["again"], answer.date) if selection else None,
            )

    async def _list_apart(
        self,
        kinds: Iterable[ObjectKind],
        floors: Mapping[str, str],
        most: int,
        bound: str | None,
    ) -> Listings:
        """List each kind by itself, so that one that fails does not affect the others."""
        found: dict[str, Listing] = {}
        date: datetime | None = None
        for kind in kinds:
            try:
                part = await self._list([kind], floors, most)
            except Fault as fault:
                if fault.reason != "error":
                    raise
                if kind is not SCENES:
                    self._mute.found(kind.name)
                    continue
                await self._find_unlisted(_since(kind, floors, self._unlisted))
                part = await self._list([kind], floors, most)
            else:
                self._mute.forget([kind.name])
            found |= part.kinds
            date = date or part.date
        if bound is None:
            return Listings(found, date)
        async for page in self.changed(bound):
            return Listings(found, date, bound, page)
        return Listings(found, date)

    async def _find_unlisted(self, criteria: Mapping[str, Any]) -> None:
        """Find the scenes that make a list of ids and times fail."""
        async for _ in self._walker.walk(_LIGHT, criteria, 0, self._unlisted):
            pass
        for scene_id in self._unlisted:
            self.sick.found(scene_id)

    def forget_sick(self, scene_ids: Iterable[str]) -> None:
        """Read scenes again like all others: they can be read, or are gone."""
        ids = tuple(scene_ids)
        self.sick.forget(ids)
        self._unlisted.forget(ids)

    async def ids(self, kind: ObjectKind, bound: str) -> list[str]:
        """Return the ids of all objects of a kind that changed after a text time."""
        variables = {"filter": queries.after(bound), "page": queries.page(-1)}
        answer = await self._ask(queries.ids(kind), variables)
        with Shape():
            return [str(row["id"]) for row in answer.data["found"][kind.word]]

    async def pages(
        self, criteria: Mapping[str, Any], after: int = 0
    ) -> AsyncIterator[ScenePage]:
        """Read scenes that match, in the order of their ids, from ``after`` on.

        Scenes that cannot be read are left out.
        """
        document = queries.scenes(await self._selection())
        async for page in self._walker.walk(document, criteria, after, self.sick):
            yield page

    def changed(self, bound: str, after: int = 0) -> AsyncIterator[ScenePage]:
        """Read the scenes that changed after a text time; all of them after ``BEGINNING``."""
        criteria = queries.after(bound) if bound != BEGINNING else {}
        return self.pages(criteria, after)

    async def related(
        self, kind: ObjectKind, object_ids: Iterable[str]
    ) -> AsyncIterator[ScenePage]:
        """Read the scenes with some performers, studios, tags or groups."""
        remaining = list(object_ids)
        while remaining:
            some, remaining = remaining[:_RELATED], remaining[_RELATED:]
            async for page in self.pages(queries.related(kind, some)):
                yield page

    async def by_path(self, spellings: str) -> tuple[tuple[Scene, ...], bool]:
        """Read the scenes that seem to have a file, given by its paths in Stash.

        Also return whether one of them could not be read.
        """
        document = queries.scenes(await self._selection())
        scenes: list[Scene] = []
        passed = False
        async for page in self._walker.walk(
            document,
            queries.exactly(spellings),
            0,
            self.sick,
            most=_FEW,
            leave_out=False,
        ):
            scenes += page.scenes
            passed = passed or bool(page.passed)
        return tuple(scenes), passed

    async def sweep(self) -> AsyncIterator[tuple[Scene, ...]]:
        """Read the id and time of every scene, in the order of the ids.

        Scenes that cannot be read come last, with only their ids. Raises the Fault
        ``importing`` while many may be missing.
        """
        if self.jobs.importing:
            # A full import deletes everything, and then adds one scene after another.
            raise source_fault("importing")
        async for page in self._walker.walk(
            _LIGHT, {}, 0, self._unlisted, most=SWEEP_PAGE
        ):
            if page.scenes:
                yield page.scenes
        if unlisted := [{"id": scene_id} for scene_id in self._unlisted]:
            for scene in unlisted:
                self.sick.found(scene["id"])  # so that polls try it again
            yield tuple(unlisted)

    async def count(self) -> int:
        """Count the scenes."""
        return await self._walker.count({})

    async def _known_schema(self) -> Schema:
        if self._schema is None:
            await self.learn()
        if self._schema is None:  # another task got a fault meanwhile
            raise source_fault("schema")
        return self._schema

    async def _selection(self) -> str:
        return (await self._known_schema()).scene(self._options)

    async def _ask(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        partial: bool = False,
        check: bool = True,
    ) -> StashAnswer:
        try:
            return await self._client.query(document, variables, partial=partial)
        except Fault as fault:
            if fault.reason == "schema":
                self._schema = None  # Stash may have been updated
            elif fault.reason == "error" and check:
                # A Stash that waits for its owner answers every query like that.
                await self.check_health()
            raise

    async def check_health(self) -> str | None:
        """Return the version of Stash; raises Fault if it is not ready."""
        data = (await self._client.query(queries.HEALTH)).data
        with Shape():
            status = data["systemStatus"]["status"]
            version = (data.get("version") or {}).get("version")
        if status == "OK":
            return str(version) if version else None
        self._schema = None
        match status:
            case "NEEDS_MIGRATION":
                raise source_fault(
                    "importing" if await self._imports() else "needs_migration"
                )
            case "SETUP":
                raise source_fault("setup")
            case _:
                raise source_fault("broken_answer")

    async def _imports(self) -> bool:
        """Return whether Stash is importing.

        A full import creates the database anew, which seems to be an old one meanwhile.
        """
        try:
            data = (await self._client.query(queries.JOBS)).data
        except Fault as fault:
            if fault.reason not in ("error", "schema"):
                raise
            return False
        with Shape():
            return any(kind_of(job) == IMPORT for job in data["jobQueue"] or ())


def _since(
    kind: ObjectKind, floors: Mapping[str, str], unlisted: Sick
) -> Mapping[str, Any]:
    """Return the filter for what may be new of a kind."""
    criteria = queries.after(floors.get(kind.name, BEGINNING))
    return left_out(criteria, unlisted) if kind is SCENES else criteria


def _bound(states: Mapping[str, ReadMark]) -> str | None:
    """Return the time after which scenes have to be read again; None if none have to."""
    scenes = states.get(SCENES.name)
    return earlier(scenes.at, FRESH) if scenes and scenes.again else None


def _listing(found: Any, kind: ObjectKind) -> Listing:
    count, rows = result(found, kind.word)
    return Listing(
        count,
        tuple(
            ListedObject(
                str(row["id"]),
                str(row["updated_at"]),
                "\0".join(str(row.get(name) or "") for name in kind.marks),
            )
            for row in rows
        ),
    )


def _again(found: Any, date: datetime | None) -> ScenePage:
    """Return the page of scenes that was sent along with the lists."""
    count, scenes = result(found, "scenes")
    last = max(numbers_of(scenes), default=0)
    done = not scenes or count <= len(scenes)
    return ScenePage(scenes, last, done, date=date)


def _roots(data: Mapping[str, Any]) -> list[str]:
    with Shape():
        return [
            stash["path"]
            for stash in data["configuration"]["general"]["stashes"] or ()
            if not stash.get("excludeVideo")
        ]
