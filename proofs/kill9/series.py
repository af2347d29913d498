"""Life after life: begin one, kill it, look at what it has left on disk and in Plex."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
import math
from pathlib import Path
from random import Random
import signal
import sys
import time
from typing import Any

from proofs import file_store, forks, simulator
from proofs.books import Books
from proofs.figures import Figures
from proofs.inquest import Findings, differences, look
from proofs.promises import Promises
from tests.simulators.plex import PlexCore
from tests.simulators.plex.library import synthetic

from .life import Doom, Place, drain, work_and_submit
from .weather import Weather

KEYS = 200
_LONGEST = 1.2  # seconds of a life
_OVERDUE = 4.0  # seconds after which one that waits for its moment is killed
_DRAIN = 120.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When a life ends: after some time or some promises, or by its own hand."""

    name: str
    seconds: float = _OVERDUE
    promises: float = math.inf
    doom: Doom = field(default_factory=Doom)

    @classmethod
    def choose(cls, random: Random) -> Moment:
        """Choose one."""
        match random.choices(
            ("time", "promise", "statement", "save"), (45, 20, 25, 10)
        ):
            case ["time"]:
                # Some die before they have begun.
                early = random.random() < 0.25
                most = 0.12 if early else _LONGEST
                return cls("at some time", random.random() * most)
            case ["promise"]:
                return cls("after a promise", promises=random.randint(1, 40))
            case ["statement"]:
                doom = Doom(statements=random.randint(1, 1500))
                return cls("before a statement", doom=doom)
            case _:
                return cls("in a save", doom=Doom(steps=random.randint(1, 15)))


class Series:
    """One database, one Plex, and one life after the other."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Start Plex; nothing else runs yet."""
        self.figures = Figures()
        self._random = Random(seed)
        self._folder = folder
        core = _library()
        self._promises = Promises(
            seed, {f"scene:{key}": item.files[0] for key, item in core.items.items()}
        )
        self._books = Books(self.figures, self._promises)
        self._plex = simulator.start(_library, latency=0.001)
        self._weather = Weather(self._plex, self._random)
        self._place = Place(folder, self._plex.url, core)
        # What the present life has said of its circuit.
        self._loaded: list[str] = []
        self._saved = ""

    def run(self, kills: int) -> None:
        """Kill so often, then let the work be done and compare it with Plex."""
        figures = self.figures
        while figures.kills < kills and not figures.troubles:
            self._live()
            if sys.stderr.isatty():
                print(f"\r{figures.kills} kills ", end="", file=sys.stderr)
        if not figures.complaints.found:
            self._finish()
        self._books.end()

    def close(self) -> None:
        """End Plex."""
        self._plex.close()

    # -- a life ------------------------------------------------------------------

    def _live(self) -> None:
        figures = self.figures
        self._weather.change()
        moment = Moment.choose(self._random)
        before = file_store.read(self._place.store)
        code = self._until_killed(moment)
        if code != -signal.SIGKILL:
            figures.complaints.found.append(f"a life ended by itself ({code})")
            return
        figures.moments[moment.name] += 1
        figures.weathers[self._weather.name] += 1
        self._check_circuit(before)
        self._check_plex()
        self._check_disk()

    def _until_killed(self, moment: Moment) -> int:
        """Run a life to its moment; give its exit code."""
        life = self._begin(
            partial(
                work_and_submit,
                self._place,
                doom=moment.doom,
                promises=self._promises,
                random=Random(self._random.random()),
            )
        )
        end = time.monotonic() + moment.seconds
        turn = math.inf
        if self._weather.name == "changing":
            turn = time.monotonic() + self._random.random() * _LONGEST / 2
        promises = self._promises.answered + moment.promises
        while not life.ended and time.monotonic() < end:
            if time.monotonic() >= turn:
                self._weather.turn()
                turn = math.inf
            self._hear(life.lines(min(end, turn)))
            if self._promises.answered >= promises:
                break
        life.kill()
        return self._bury(life)

    def _begin(self, work: forks.Work) -> forks.Life:
        self._loaded, self._saved = [], ""
        self._plex.hang_up()  # a fork shall not hold this connection
        return forks.begin(work)

    def _bury(self, life: forks.Life) -> int:
        last, code = life.bury()
        self._hear(last)
        return code

    def _hear(self, lines: list[str]) -> None:
        for line in lines:
            match line.split():
                case ["submits", key, revision]:
                    self._promises.submit(key, int(revision))
                case ["promised", key, revision]:
                    self._promises.answer(key, int(revision))
                case ["saved", state]:
                    self._saved = state
                case ["loaded", *circuit]:
                    self._loaded = circuit
                case _:
                    self.figures.complaints.found.append(line)

    # -- afterwards --------------------------------------------------------------

    def _check_circuit(self, before: dict[str, Any] | None) -> None:
        """See that the circuit came back as it was left, and that an outage stays one."""
        figures = self.figures
        after = file_store.read(self._place.store)
        if before is None or after is None or not self._loaded:
            return
        figures.circuit.looked += 1
        left, now = before["breaker"], after["breaker"]
        found = figures.circuit.found
        if self._loaded != [
            str(left[name]) for name in ("state", "step", "generation")
        ]:
            found.append(f"left {left}, came back {self._loaded}")
        if self._weather.name != "down":
            return
        if self._saved == "open" and now["state"] != "open":
            found.append(f"open was saved, {now} is there")
        if left["state"] == "open":
            figures.in_outage += 1
            found += differences(before, after)

    def _check_plex(self) -> None:
        """Look at the order of what was sent, and of what is shown."""
        self._plex.settle()
        edits = [
            [(name, value) for name, value in entry["query"]]
            for entry in self._plex.journal()
            if entry["method"] == "PUT"
        ]
        self._books.see(edits, self._plex.items())

    def _check_disk(self) -> Findings:
        found = look(self._place.database, self._folder)
        self._books.look(found, found.settled)
        return found

    # -- the end -----------------------------------------------------------------

    def _finish(self) -> None:
        """Let everything be written, then what had failed; each time Plex must show it."""
        self._weather.clear_up()
        failed = self._drain(retry=False)
        self.figures.left.update(map(str, failed.values()))
        self._compare(spare=failed)
        if failed:
            self._drain(retry=True)
            self._compare(spare=())

    def _drain(self, *, retry: bool) -> dict[str, str | None]:
        work = partial(
            drain,
            self._place,
            records=list(self._promises.newest()),
            retry=retry,
            seconds=_DRAIN,
        )
        if code := self._bury(self._begin(work)):
            self.figures.complaints.found.append(f"the last life ended with {code}")
        self._check_plex()
        return self._check_disk().failed

    def _compare(self, *, spare: Collection[str]) -> None:
        self.figures.lost.found += self._books.missing(self._plex.items(), spare)


def _library() -> PlexCore:
    core = PlexCore()
    synthetic(core, KEYS)
    return core
