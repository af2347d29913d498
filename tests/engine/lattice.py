"""Which part of Plex is sick, of whom and how; what was seen, and what it breaks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from pathlib import Path
import sys
from typing import Any

from .liveness import (
    HOUR,
    MINUTE,
    NUMBERS,
    SIZE,
    Ailment,
    NothingMovesError,
    Part,
    RunawayError,
    Seen,
    World,
    is_late,
    library_of,
    parts,
    parts_of,
    path_of,
    run,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
_LONG = 2 * HOUR  # that a fault lasts, and that is waited for what it left
_SHORT = 20 * MINUTE  # the same where nothing can be done meanwhile
_WITHIN = 60.0  # seconds that one sick part may cost everybody else
_IN_FLIGHT = 16 + 5  # requests that may be on their way when the trouble begins
_AN_HOUR = 6  # times that a sick part is asked after its first hour
_ASKED = 10  # seconds, by ``Retry-After``
_UNASKED = 5  # seconds to wait for a 429 that does not say how long

ONE, THREE, LIBRARY, ALL = "one item", "three items", "one library", "all"

FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "500": ("status", {"code": 500}),
    "502": ("status", {"code": 502}),
    "503": ("status", {"code": 503}),
    "503 and when": ("status", {"code": 503, "retry_after": _ASKED}),
    "429": ("status", {"code": 429}),
    "429 and when": ("status", {"code": 429, "retry_after": _ASKED}),
    "401": ("status", {"code": 401}),
    "403": ("status", {"code": 403}),
    "405": ("status", {"code": 405}),
    "redirect": ("redirect_login", {}),
    "hang": ("blackhole", {}),
    "reset": ("reset_before", {}),
    "cut": ("reset_mid_body", {}),  # a write has had its effect
    "garbage": ("garbage", {}),  # so it has here
    "html200": ("html200", {}),
    "empty200": ("empty200", {}),
}
_REFUSALS = ("401", "403")
_PAUSES = {"503 and when": _ASKED, "429": _UNASKED, "429 and when": _ASKED}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: the kinds of request that are sick with it, and of whom it can be.

    ``owns`` names what of a sick item depends on it. ``library`` is the one that
    is sick where one is. ``whole`` says that nothing goes without it for all, ``probe`` that
    health is judged by it.
    """

    kinds: frozenset[str]
    who: tuple[str, ...]
    owns: tuple[str, ...] = ()
    items: tuple[int, ...] = (0, SIZE, 2 * SIZE)
    late: bool = False  # of a library, only those that it has not listed
    whole: bool = True
    probe: bool = False
    cold: bool = False


def _endpoint(*kinds: str, who: Iterable[str], **settings: Any) -> Endpoint:
    return Endpoint(frozenset(kinds), tuple(who), **settings)


_EVERY = ("fields", "collections", "poster")
_ITEMS = (ONE, THREE, LIBRARY, ALL)
_KINDS = (
    *("identity", "sections", "count", "listing", "file", "read", "bulk"),
    *("edit", "upload", "collections", "socket"),
)
_LOST = tuple(n for n in NUMBERS if library_of(n) == 1 and is_late(n))
ENDPOINTS: dict[str, Endpoint] = {
    "GET /identity": _endpoint("identity", who=(ALL,), owns=_EVERY, probe=True),
    "GET /library/sections": _endpoint("sections", who=(ALL,), owns=_EVERY, probe=True),
    "count of a library": _endpoint("count", who=(LIBRARY, ALL), probe=True),
    "first listing": _endpoint(
        "listing", "file", "count", who=(LIBRARY, ALL), owns=_EVERY, cold=True
    ),
    "listing": _endpoint(
        "listing", "file", "count", who=(LIBRARY,), owns=_EVERY, late=True
    ),
    "search for a file": _endpoint("file", who=(ONE, THREE), owns=_EVERY, items=_LOST),
    "read": _endpoint("read", "bulk", who=_ITEMS, owns=_EVERY),
    "read of many": _endpoint("bulk", who=(ALL,), owns=_EVERY),
    "edit": _endpoint("edit", who=_ITEMS, owns=_EVERY),
    "upload": _endpoint("upload", who=_ITEMS, owns=("poster",), whole=False),
    "collections": _endpoint(
        "collections", who=(LIBRARY, ALL), owns=("collections",), whole=False
    ),
    "everything": _endpoint(*_KINDS, who=(ALL,), owns=_EVERY),
    "notifications": _endpoint("socket", who=(ALL,), whole=False),
    "pictures of the source": _endpoint(
        who=(ONE, THREE, ALL), owns=("poster",), whole=False
    ),
}
_SOURCE = {  # by whom: one picture is gone or crashes us, a source is away
    ONE: ("away", "hang", "gone", "crash"),
    THREE: ("away", "hang", "gone", "crash"),
    ALL: ("away", "hang"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One sick part, of whom, and how."""

    endpoint: str
    who: str
    fault: str

    def __str__(self) -> str:
        """Name it as a test is named."""
        return "-".join(
            text.replace("GET ", "").replace("/", " ").strip().replace(" ", "_")
            for text in (self.endpoint, self.who, self.fault)
        )

    @property
    def of(self) -> Endpoint:
        """Give the endpoint."""
        return ENDPOINTS[self.endpoint]

    @property
    def from_source(self) -> bool:
        """Whether Plex is well, and a source is not."""
        return not self.of.kinds

    @property
    def by_item(self) -> bool:
        """Whether single items are sick, each on its own."""
        return self.who in (ONE, THREE)

    @property
    def whole(self) -> bool:
        """Whether nothing can be done until it is over."""
        return self.who == ALL and self.of.whole

    @property
    def sick(self) -> frozenset[int]:
        """Give the numbers of the items that are concerned."""
        of = self.of
        if not of.owns:
            return frozenset()
        if self.by_item:
            return frozenset(of.items[: 1 if self.who == ONE else 3])
        return frozenset(
            n
            for n in NUMBERS
            if (self.who == ALL or library_of(n) == 0) and (not of.late or is_late(n))
        )

    @property
    def owned(self) -> frozenset[Part]:
        """Give what cannot come into line as long as the fault lasts."""
        return frozenset(part for part in parts(self.sick) if part[1] in self.of.owns)

    @property
    def healthy(self) -> frozenset[Part]:
        """Give everything else."""
        return frozenset(parts()) - self.owned

    @property
    def well(self) -> frozenset[int]:
        """Give the items of which nothing is concerned."""
        return frozenset(NUMBERS) - {number for number, _ in self.owned}


def _cases() -> Iterable[Case]:
    for name, endpoint in ENDPOINTS.items():
        for who in endpoint.who:
            for fault in FAULTS if endpoint.kinds else _SOURCE[who]:
                yield Case(name, who, fault)


CASES = tuple(_cases())
BY_NAME = {str(case): case for case in CASES}


# -- one case from its first second to its last --------------------------------------


@dataclass(slots=True)
class Observed:
    """What was seen of one case; times are seconds since the jobs came."""

    case: Case
    lasted: float = _LONG
    done: dict[Part, float] = field(default_factory=dict)
    hits: list[tuple[float, object]] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)
    retitled: dict[float, float | None] = field(default_factory=dict)  # asked, done
    attempts: dict[int, int] = field(default_factory=dict)
    failed: dict[int, str | None] = field(default_factory=dict)
    shown: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    during: str = ""  # the circuit before the fault ended
    holding: frozenset[str] = frozenset()
    after: str = ""  # and at the end of all
    outages: int = 0
    left: list[Part] = field(default_factory=list)  # what never came into line
    ended: list[str] = field(default_factory=list)  # why our tasks ended, each time
    gave_up: str = ""  # why nobody looked on

    def late(self, wanted: Iterable[Part]) -> float | None:
        """Say when the last of some parts was done; None if one was not meanwhile."""
        times = [self.done.get(part) for part in wanted]
        if any(time is None or time > self.lasted for time in times):
            return None
        return max((time for time in times if time is not None), default=0.0)

    def paused(self, until: float) -> float:
        """Add up the pauses that the server asked for, each moment once."""
        length = _PAUSES.get(self.case.fault, 0)
        total, end = 0.0, 0.0
        for at, _ in self.hits:
            if at >= until:
                break
            total += max(0.0, at + length - max(at, end))
            end = max(end, at + length)
        return total


def observe(case: Case | None, *, cold: bool = False) -> Observed:
    """Let one case happen; without one nothing is sick."""
    seen = Observed(case or Case("edit", ONE, "500"))

    async def live(world: World) -> None:
        try:
            await _live(world, case, seen)
        except RunawayError:
            fetched = len(world.gallery.asked)
            after = world.now() - world.began
            seen.gave_up = f"no end after {after:.0f} s, {fetched} pictures fetched"
        finally:
            await _take_down(world, seen)

    try:
        run(live, cold=case.of.cold if case else cold)
    except NothingMovesError:
        seen.gave_up = "turns without end"
    return seen


async def _live(world: World, case: Case | None, seen: Observed) -> None:
    if case is None or case.of.probe:
        await world.engine.circuit.reset()  # a probe precedes the first job
    if case is None:
        await world.submit(NUMBERS)
        await world.sleep(_SHORT)
        return
    seen.hits = _fall_ill(world, case)
    await world.submit(NUMBERS)
    if case.whole:
        seen.lasted = _SHORT
        await world.sleep(_SHORT)
    else:
        for number in (43, 47, 51):  # of the third library, and with no picture
            await world.sleep(30 * MINUTE - (world.now() - world.began) % (30 * MINUTE))
            await _retitle(world, number, seen)
        await world.sleep(_LONG - (world.now() - world.began))
    await _show(world, seen)
    world.recover()
    await world.until(lambda: _settled(world), _LONG)


def _fall_ill(world: World, case: Case) -> list[tuple[float, object]]:
    if case.from_source:
        world.gallery.sick = dict.fromkeys(case.sick, case.fault)
        return world.gallery.hits
    ailment = Ailment(case.of.kinds)
    if case.who == LIBRARY:
        ailment.section = world.sections[0].key
    elif case.by_item and case.endpoint == "search for a file":
        ailment.names = frozenset(path_of(n).rsplit("/", 1)[1] for n in case.sick)
    elif case.by_item:
        ailment.keys = world.rating_keys(case.sick)
    action, params = FAULTS[case.fault]
    world.ail(ailment, action, **params)
    if "socket" in ailment.kinds:
        world.wire.cut()  # one that is open stays so
    return ailment.hits


async def _retitle(world: World, number: int, seen: Observed) -> None:
    """Let one more healthy edit come; it does not wait for what is sick either."""
    asked = world.now()
    await world.retitle(number, f"Newer {number}")
    part = [(number, "fields")]
    done = await world.until(lambda: not world.lacking(part), 10 * MINUTE)
    seen.retitled[asked - world.began] = world.now() - asked if done else None


async def _show(world: World, seen: Observed) -> None:
    """Take down what is shown while nothing is in flight, if that can be had."""
    for _ in range(60):
        jobs = await world.look()
        if all(job.state != "in_flight" for job in jobs.values()):
            break
        await world.sleep(5)
    seen.lasted = world.now() - world.began
    seen.shown = {n: (job.state, job.reason) for n, job in jobs.items()}
    circuit = world.engine.circuit
    seen.during = str(circuit.breaker.state)
    seen.holding = frozenset(map(str, circuit.holds))
    seen.reasons = {reason for _, reason in seen.shown.values() if reason}


async def _settled(world: World) -> bool:
    jobs = await world.jobs()
    closed = str(world.engine.circuit.breaker.state) == "closed"
    return closed and all(job.state == "failed" for job in jobs.values())


async def _take_down(world: World, seen: Observed) -> None:
    await world.look()
    watched = world.watched
    seen.done = dict(world.done)
    seen.hits = [(at - world.began, what) for at, what in seen.hits]
    seen.requests = [
        replace(each, at=each.at - world.began)
        for each in world.wire.journal
        if each.at >= world.began
    ]
    seen.attempts = {_number(key): most for key, most in watched.attempts.items()}
    seen.failed = {_number(key): why for key, why in watched.failed.items()}
    seen.states, seen.holds = watched.states, watched.holds
    seen.outages = len(world.engine.circuit.outages.outages)
    seen.after = str(world.engine.circuit.breaker.state)
    seen.left = world.lacking(parts(frozenset(NUMBERS) - seen.failed.keys()))
    seen.ended = world.ended


def _number(key: str) -> int:
    return int(key.partition(":")[2])


@cache
def baseline(*, cold: bool) -> Observed:
    """Give how it goes where nothing is sick."""
    return observe(None, cold=cold)


# -- what it breaks -------------------------------------------------------------------


def judge(seen: Observed) -> list[str]:
    """Give one line for each clause that is broken, with its figures."""
    case = seen.case
    broken: list[str] = []
    if seen.ended:
        broken.append(f"life: ended {len(seen.ended)} times: {seen.ended[0]}")
    if seen.gave_up:
        return [*broken, f"rates: {seen.gave_up}; {_figures(seen)}"]
    broken += _late(case, seen)
    broken += _rates(case, seen)
    broken += _hidden(case, seen)
    broken += _circuit(case, seen)
    broken += _after(case, seen)
    return broken


def _figures(seen: Observed) -> str:
    kinds = Counter(each.kind for each in seen.requests).most_common(4)
    healthy = seen.case.healthy
    missing = sum(part not in seen.done for part in healthy)
    return f"{kinds}, {missing} of {len(healthy)} healthy parts not done"


def _late(case: Case, seen: Observed) -> Iterable[str]:
    """Clause a: whoever is healthy is done in time."""
    before = baseline(cold=case.of.cold)
    alone = before.late(case.healthy)
    assert alone is not None
    allowed = _WITHIN + 2 * alone
    if not case.whole:
        late = {
            part: time
            for part in sorted(case.healthy)
            if (time := seen.done.get(part, HOUR * 24))
            > allowed + seen.paused(min(time, seen.lasted))
        }
        if late:
            meanwhile = [time for time in late.values() if time <= seen.lasted]
            yield (
                f"late: {len(late)} of {len(case.healthy)} healthy parts not done within"
                f" {allowed:.0f} s, {len(late) - len(meanwhile)} not before the fault"
                f" ended, the last of the others at {max(meanwhile, default=0):.0f} s;"
                f" first {next(iter(late))}"
            )
    for asked, took in seen.retitled.items():
        until = asked + (10 * MINUTE if took is None else took)
        pause = seen.paused(until) - seen.paused(asked)
        if took is None or took > allowed + pause:
            after = "10 minutes" if took is None else f"{took:.0f} s"
            yield f"late: an edit at {asked / MINUTE:.0f} min not done after {after}"


def _rates(case: Case, seen: Observed) -> Iterable[str]:
    """Clause b: what is sick is asked ever more seldom, and nobody is busy with nothing."""
    hits: dict[object, list[float]] = defaultdict(list)
    for at, what in seen.hits:
        hits[what if case.by_item else None].append(at)
    for times in hits.values():
        first = times[0]
        at_first = sum(at < first + MINUTE for at in times)
        if at_first > 60 + _IN_FLIGHT:
            yield f"rates: {at_first} requests to what is sick in its first minute"
        later = sum(at - first >= HOUR for at in times if at <= seen.lasted)
        if later > _AN_HOUR:
            yield f"rates: {later} requests to what is sick after its first hour"
    usual = 2 * len(baseline(cold=case.of.cold).requests) + 60
    doubts = Counter(int(at // MINUTE) for at, _ in seen.hits)
    for minute, number in Counter(
        int(each.at // MINUTE) for each in seen.requests
    ).items():
        # Whatever is sick may be asked, and each doubt costs a probe of two requests.
        if number > (allowed := usual + 2 * doubts[minute]):
            yield f"rates: {number} requests in one minute, more than {allowed}"


def _hidden(case: Case, seen: Observed) -> Iterable[str]:
    """Clause c: what is sick is shown with its reason, and fails for its own sake only."""
    stopped = case.whole and (seen.during != "closed" or bool(seen.holding))
    hidden = Counter[str]()
    for number in sorted(case.sick):
        state, reason = seen.shown.get(number, ("absent", None))
        waits = (
            state in ("waiting", "held", "in_flight", "failed") and reason is not None
        )
        in_line = all(
            seen.done.get((number, part), HOUR * 24) <= seen.lasted
            for part in parts_of(number)
        )
        if not (waits or in_line or (stopped and state != "absent")):
            hidden[f"{state}: {reason}"] += 1
    for what, count in hidden.items():
        yield f"shown: {count} sick jobs are {what}"
    wrong = {n: why for n, why in seen.failed.items() if n not in case.sick}
    if wrong:
        yield f"failed: {len(wrong)} healthy jobs: {set(wrong.values())}"
    if not case.by_item and (own := seen.failed.keys() & case.sick):
        why = {seen.failed[n] for n in own}
        yield f"failed: {len(own)} jobs where none is to blame: {why}"


def _circuit(case: Case, seen: Observed) -> Iterable[str]:
    """Clause d: the circuit tells the truth about the server."""
    if not case.whole and seen.during != "closed":
        yield f"circuit: {seen.during} although edits of healthy items would go well"
    if seen.after != "closed":
        yield f"circuit: {seen.after} at the end"
    # Of a token say edits something, and who may not even ask who answers.
    judged = "identity" in case.of.kinds or "edit" in case.of.kinds
    refused = case.fault in _REFUSALS and judged
    if case.whole and refused and seen.hits:
        if "auth" not in seen.holds:
            yield f"circuit: access is refused, and it holds {seen.holds or 'nothing'}"
        if seen.outages:
            yield f"circuit: {seen.outages} outages where access was refused"
    elif case.whole:
        if seen.outages > 1:
            yield f"circuit: {seen.outages} outages where there was one"
    else:
        if seen.outages:
            yield f"circuit: {seen.outages} outages where there was none"
        if seen.holds:
            yield f"circuit: held for {', '.join(sorted(seen.holds))}"


def _after(case: Case, seen: Observed) -> Iterable[str]:
    """Clause e: once it is over all is written, and no healthy job has paid."""
    if seen.left:
        yield f"after: {len(seen.left)} parts never came into line; first {seen.left[0]}"
    spared = frozenset(NUMBERS) if case.whole else case.well
    paid = {n: most for n, most in seen.attempts.items() if most and n in spared}
    if paid:
        yield f"after: {len(paid)} healthy jobs used {max(paid.values())} attempts"


# -- what is written of it -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the document."""

    endpoint: str
    who: str
    fault: str
    scope: str
    shown: str
    circuit: str
    outages: str
    healthy: str

    @classmethod
    def of(cls, seen: Observed) -> Row:
        """Say what was seen."""
        case = seen.case
        late = seen.late(case.healthy)
        states = [*sorted(seen.states - {"closed"})] or ["closed"]
        held = [f"hold {hold}" for hold in sorted(seen.holds)]
        healthy = "–" if not case.healthy else "not before its end"
        if case.healthy and late is not None:
            healthy = f"{late:.0f} s"
        return cls(
            case.endpoint,
            case.who,
            case.fault,
            _scope(seen),
            ", ".join(sorted(seen.reasons)) or "–",
            ", ".join(states + held),
            str(seen.outages),
            healthy,
        )


_KIND = {
    "first listing": "library",
    "listing": "library",
    "collections": "library",
    "upload": "picture",
    "pictures of the source": "source",
}


def _scope(seen: Observed) -> str:
    """Say whose fault it was taken for, by what it cost."""
    if seen.holds:
        return ", ".join(sorted(seen.holds))
    if seen.outages or seen.states != {"closed"}:
        return "server"
    if any(seen.attempts.values()) or seen.failed:
        return "item"
    if not seen.reasons:
        return "–"
    return _KIND.get(seen.case.endpoint, "item")


_HEADING = "## One sick part among healthy ones"
_TEXT = """\
60 jobs over three libraries wait while one part of Plex, or of a source, is sick: one item, three, one library, or all.
Where nothing can be done the fault lasts 20 minutes, else two hours. *Shown* is why what is sick waits or has failed, *circuit*
what it became meanwhile, *healthy* when the last field of a job was written that does not depend on the sick part. The table
is what `tests/engine/test_liveness.py` sees, which also writes it.
"""


def write(rows: Iterable[Row], document: Path = DOCUMENT) -> None:
    """Put the rows into the document, below what stands there."""
    text = document.read_text().partition(_HEADING)[0].rstrip()
    titles = (
        "endpoint",
        "who",
        "fault",
        "scope",
        "shown",
        "circuit",
        "outages",
        "healthy",
    )
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    lines += [
        "| " + " | ".join(getattr(row, title) for title in titles) + " |"
        for row in rows
    ]
    table = "\n".join(lines)
    document.write_text(f"{text}\n\n{_HEADING}\n\n{_TEXT}\n{table}\n")


def tell(case: Case) -> Iterator[str]:
    """Tell what becomes of one case: its requests, equal ones in a row as one line."""
    seen = observe(case)
    for line, each in groupby(seen.requests, lambda each: (each.kind, each.status)):
        first, *more = each
        yield f"{first.at:10.2f} s {1 + len(more):5} × {line[0]} {line[1] or 'no answer'}"
    shown = Counter((*how, seen.attempts[n]) for n, how in seen.shown.items())
    for (state, reason, attempts), count in shown.items():
        yield f"{count} jobs {state}: {reason}, {attempts} attempts"
    yield str(Row.of(seen))
    yield from judge(seen) or ["nothing is broken"]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.writelines(f"{line}\n" for line in tell(BY_NAME[name]))
