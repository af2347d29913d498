"""How each kind of change in Stash arrives, and after how long, in six time zones.

The table in ``docs/stash.md`` is what this test sees: three of its zones, or all with
``PLEXSYNC_ZONES=all``. ``PLEXSYNC_WRITE_DOCS=1`` writes it anew. Time is the simulated
server's.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
import inspect
import os
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.lives import MISSING, VERSIONS, changes
from tests.rig import Rig, library
from tests.simulators.stash import Kind as Of, StashCore, StashSimulator

from .arrivals import FILMS, Arrivals, fill, path
from .conftest import PLEX_ROOT, Clock, MakeSource, to_plex
from .kinds import KINDS, Act, Change, Deed

DOCUMENT = Path(__file__).parents[2] / "docs" / "stash.md"
HEAD = "| change in Stash |"
POLL = 10.0  # seconds between two polls
PATIENCE = 7  # polls after which one that saw nothing will see nothing
AGAIN = 600.0  # seconds until the second look for what is gone
AT_NIGHT = time(5, 5)
DAY = 86_400.0


class Place(NamedTuple):
    """Where the server stands, and when the change happens."""

    zone: str
    moment: str
    city: str
    always: bool = True  # else only where all are looked at


PLACES = (
    Place("UTC", "2024-05-01T12:00:00Z", "UTC", False),
    Place("America/Los_Angeles", "2024-05-01T12:00:00Z", "Los Angeles"),
    Place("Asia/Tokyo", "2024-05-01T12:00:00Z", "Tokyo", False),
    Place("Asia/Kolkata", "2024-05-01T12:00:00Z", "Kolkata", False),
    Place("Europe/Berlin", "2024-03-31T01:00:00Z", "Berlin, clocks go forward"),
    Place("America/New_York", "2024-11-03T06:00:00Z", "New York, clocks go back"),
)
_WRITES = bool(os.environ.get("PLEXSYNC_WRITE_DOCS"))
_ALL = _WRITES or os.environ.get("PLEXSYNC_ZONES") == "all"


class Seen(NamedTuple):
    """After how many seconds the right values had come, by poll and by sweep alone.

    None where they did not, or there was none to come. ``gone`` is how long after the
    sweep a scene that is gone was let go of.
    """

    poll: float | None
    sweep: float | None
    gone: float | None

    def cells(self) -> list[str]:
        """Write it down: by poll, by sweep, and what is gone."""
        poll = "–" if self.poll is None else f"{self.poll:g} s"
        sweep = "–" if self.sweep is None else "yes"
        gone = "–" if self.gone is None else f"{self.gone / 60:g} min later"
        return [poll, sweep, gone]


EMPTY = ["–"] * (len(PLACES) + 2)


class Bench:
    """One Stash and one engine, in which life after life begins anew."""

    def __init__(
        self, place: Place, stash: StashSimulator, make_source: MakeSource
    ) -> None:
        """Fill the Stash weeks before the moment of the change."""
        self.core: StashCore = stash.core
        self.clock: Clock = stash.core.clock  # type: ignore[assignment]
        self.rig: Rig
        self.place = place
        self.zone = ZoneInfo(place.zone)
        self.moment = datetime.fromisoformat(place.moment)
        self.source: StashSource
        self._make_source = make_source
        stash.dated_by_core = True
        self.core.set_zone(self.zone)
        self._set(timedelta(days=-40))
        fill(self.core)
        self._set(timedelta(minutes=-20))
        core = self.core
        core.edit_scene(5, rating100=55)
        for kind in Of:
            core.ensure(kind, "Of late")
        self._pristine = self.core.store.copy()

    async def begin(self, change: Change, *, rest: bool = True) -> Arrivals:
        """Read everything, let happen what comes before, and come to rest if asked to."""
        await self.rig.engine.remove_source("src")
        self.core.set_zone(self.zone)
        self.core.store.restore(self._pristine)
        self._set(timedelta(seconds=-2 * POLL - 0.5))
        self.source = self._make_source(options=change.options)
        life = Arrivals(self.core, self.source, self.rig, change.options)
        await life.poll()
        if change.earlier is not None:
            await _do(change.earlier, life)
            await self._poll(life)
        else:
            self.clock.tick(POLL)
        if rest:
            await self._poll(life)
            assert not life.wrong(), "It has to be in line before the change."
        else:
            self.clock.tick(POLL)
        self.clock.tick(0.5)
        return life

    async def see(self, change: Change) -> Seen:
        """Let a change happen twice: before polls, and before a sweep alone."""
        life = await self.begin(change)
        await _do(change.act, life)
        wrong = life.wrong()
        assert wrong or change.goes, "Nothing has changed."
        poll = await self._poll_until_right(life) if wrong else None
        if poll is None or change.goes:
            await self._sweep(life)
            await life.look_for_gone()
            assert not life.wrong(), "The sweep after the polls did not bring it."
            assert not life.left_over()
        life = await self.begin(change, rest=False)
        await _do(change.act, life)
        began = self.clock.time
        await self._sweep(life)
        sweep = self.clock.time - began if wrong else None
        assert not life.wrong(), "The sweep did not bring it."
        gone: float | None = None
        if life.left_over():
            self.clock.tick(gone := AGAIN)
            await life.look_for_gone()
            assert not life.left_over()
            assert not life.wrong()
        return Seen(poll, sweep, gone)

    async def fresh(self, _: str, keys: Sequence[str]) -> Mapping[str, Record | str]:
        """Read records afresh, for the engine."""
        return await self.source.fresh(keys)

    async def _poll_until_right(self, life: Arrivals) -> float | None:
        """Poll on; give how long it took."""
        wait = POLL - 0.5
        for number in range(PATIENCE):
            self.clock.tick(POLL if number else wait)
            await life.poll()
            if not life.wrong():
                return wait + number * POLL
        return None

    async def _poll(self, life: Arrivals) -> None:
        self.clock.tick(POLL)
        await life.poll()

    async def _sweep(self, life: Arrivals) -> None:
        """Wait for the night, and sweep."""
        now = datetime.fromtimestamp(self.clock.time, self.zone)
        night = datetime.combine(now.date(), AT_NIGHT, self.zone)
        if night <= now:
            night = datetime.combine(
                now.date() + timedelta(days=1), AT_NIGHT, self.zone
            )
        self.clock.tick(night.timestamp() - self.clock.time)
        await life.sweep()

    def _set(self, shift: timedelta) -> None:
        self.clock.time = (self.moment + shift).astimezone(UTC).timestamp()


async def _do(what: Deed | Act, life: Arrivals) -> None:
    """Let something happen."""
    done = what(life if inspect.iscoroutinefunction(what) else life.core)  # type: ignore[arg-type]
    if inspect.isawaitable(done):
        await done


@pytest.fixture(
    params=[place for place in PLACES if _ALL or place.always],
    ids=lambda place: place.zone,
)
async def bench(
    request: pytest.FixtureRequest,
    stash: StashSimulator,
    make_source: MakeSource,
    tmp_path: Path,
) -> AsyncIterator[Bench]:
    """Give a Stash in each zone, and an engine that takes records in and syncs nothing."""
    bench = Bench(request.param, stash, make_source)
    async with library(1) as plex:
        section = plex.core.add_section("Films", "movie", [PLEX_ROOT])
        for film in range(1, FILMS + 2):
            plex.core.add_item(section, file=to_plex(path(film)), announce=False)
        bench.rig = Rig(plex, tmp_path, fresh=bench.fresh)
        await bench.rig.start(work=False)
        await bench.rig.engine.switch(False)
        yield bench
        await bench.rig.stop()


async def test_each_kind_arrives(bench: Bench) -> None:
    """By the next poll where Stash gives a sign, and by the next sweep in any case."""
    seen = {change.name: await bench.see(change) for change in KINDS}
    for change in KINDS:
        poll, sweep, gone = seen[change.name]
        assert (poll is not None) is change.polled, change.name
        assert sweep is None or sweep < DAY, change.name
        assert (gone is not None) is change.goes, change.name
    column = 1 + PLACES.index(bench.place)
    table = _table()
    if _WRITES:
        table = {change.name: table.get(change.name, EMPTY) for change in KINDS}
        for name, each in seen.items():
            table[name] = _with(table[name], column, each)
        _write(table)
    assert list(table) == list(seen)
    for name, each in seen.items():
        assert table[name] == _with(table[name], column, each), name


def _with(cells: list[str], column: int, seen: Seen) -> list[str]:
    """Put what was seen in one place into a row, which begins after the kind's name."""
    poll, *rest = seen.cells()
    return [*cells[: column - 1], poll, *cells[column : len(PLACES)], *rest]


def _table() -> dict[str, list[str]]:
    """Read the document's rows, by kind of change."""
    _, _, rest = DOCUMENT.read_text().partition(HEAD)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in rest.partition("\n\n")[0].splitlines()[2:]
    ]
    return {cells[0]: cells[1:] for cells in rows}


def _write(table: dict[str, list[str]]) -> None:
    """Put the rows back between the document's own words."""
    before, _, rest = DOCUMENT.read_text().partition(HEAD)
    _, gap, after = rest.partition("\n\n")
    head = [*(f"poll: {place.city}" for place in PLACES), "sweep", "let go of"]
    lines = [f"{HEAD} {' | '.join(head)} |", "|---" * (1 + len(head)) + "|"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in table.items()]
    DOCUMENT.write_text(before + "\n".join(lines) + (gap + after or "\n"))


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "they are")
@pytest.mark.parametrize("version", VERSIONS)
def test_no_less_than_a_real_stash_shows(version: str) -> None:
    """What a real Stash lets polls see is in the table as seen by polls."""
    recorded = {each.operation: each for each in changes(version)}
    named = [change for change in KINDS if change.recorded in recorded]
    assert len(named) > 40
    for change in named:
        real = recorded[change.recorded]
        assert change.polled or not (real.seen or real.seen_by_asking), change.name
