"""Kill -9 the real engine at random moments; nothing promised may be lost.

A child process runs the engine on its database and on a file for the circuit,
against a simulated Plex in another process, over HTTP. It takes in records and
says what it promises only once it has been answered. This process kills it,
looks at what is on disk and in Plex, and begins another, over and over.
"""

import argparse
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
import math
from pathlib import Path
from random import Random
import shutil
import signal
import sys
import tempfile
import time
from typing import Any

from tests.simulators.plex import PlexCore
from tests.simulators.plex.library import synthetic

from . import file_store, forks, simulator
from .inquest import Findings, look
from .life import Doom, Place, drain, work_and_submit
from .stream import Order, Promises, revisions_of_edit, revisions_of_item

KEYS = 200
_LONGEST = 1.2  # seconds of a life
_OVERDUE = 4.0  # seconds after which one that should have ended itself is killed
_DRAIN = 120.0

# What Plex does during a life, and how often.
WEATHERS: dict[str, tuple[int, list[tuple[str, dict[str, Any]]]]] = {
    "fine": (40, []),
    "down": (16, []),
    "changing": (14, []),  # goes down or comes back in the middle of it
    "flapping": (8, [("flap", {"up": 0.15, "down": 0.1})]),
    "slow": (6, [("slow", {"ms": 20})]),
    "answers lost": (
        8,
        [("commit_then_drop", {"method": "PUT", "probability": 0.2}),
         ("reset_mid_body", {"probability": 0.03})],
    ),
    "busy": (
        5,
        [("rate_limit", {"per_second": 60, "burst": 20, "retry_after": 0}),
         ("status", {"code": 503, "probability": 0.03})],
    ),
    "lists dropped": (3, [("status", {"code": 500, "method": "PUT", "probability": 0.1})]),
}  # fmt: skip

MOMENTS = {"time": 45, "promise": 20, "statement": 25, "save": 10}


@dataclass(slots=True)
class Figures:
    """What is printed at the end."""

    kills: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    weathers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    checks: int = 0
    integrity_ok: int = 0
    miscounts: list[str] = field(default_factory=list)
    circuit: list[str] = field(default_factory=list)
    loads: int = 0
    open_loads: int = 0
    errors: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    edits: int = 0


class Kill9:
    """The series of lives."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Start the simulator; nothing else runs yet."""
        self.random = Random(seed)
        self.seed = seed
        self.folder = folder
        self.figures = Figures()
        core = _library()
        items = list(core.items.values())
        self.promises = Promises(
            seed, {f"scene:{item.rating_key}": item.files[0] for item in items}
        )
        self.asked = Order()  # by the edits that were sent
        self.shown = Order()  # by what the items held
        self.plex = simulator.start(_library, latency=0.001)
        self.place = Place(
            folder,
            self.plex.url,
            core.token,
            core.identity.machine_identifier,
            frozenset(section.uuid for section in core.sections.values()),
        )
        self.running = True
        self._weather = "fine"
        self._saved: str | None = None  # the circuit's state as last said to be saved

    # -- a life ------------------------------------------------------------------

    def live(self) -> None:
        """Run one child and kill it; look at what it has left."""
        figures, random = self.figures, self.random
        weather = self._begin_weather()
        moment = random.choices([*MOMENTS], [*MOMENTS.values()])[0]
        doom = Doom(
            statements=random.randint(1, 1500) if moment == "statement" else None,
            steps=random.randint(1, 15) if moment == "save" else None,
        )
        before = file_store.read(self.place.store)
        life = self._fork(doom)
        words = random.randint(1, 40) if moment == "promise" else None
        seconds = {"time": self._seconds(), "promise": _OVERDUE}.get(moment, _OVERDUE)
        code = self._until_killed(life, seconds, words, weather)
        if code == -signal.SIGKILL:
            figures.kills += 1
            figures.moments[moment] += 1
            figures.weathers[weather] += 1
        else:
            figures.errors.append(f"a child ended by itself ({code})")
        self._check_circuit(before, weather)
        self._check_plex()
        self._check_disk()

    def _seconds(self) -> float:
        """Say how long a life lasts; some end before they have begun."""
        if self.random.random() < 0.25:
            return self.random.random() * 0.12
        return 0.05 + self.random.random() * _LONGEST

    def _fork(self, doom: Doom) -> forks.Life:
        self._saved = None
        self._loaded: list[str] = []
        known = {
            key: (known.path, known.next) for key, known in self.promises.keys.items()
        }
        self.plex.hang_up()  # the child shall not hold this connection
        number = self.figures.kills
        return forks.begin(
            lambda say: work_and_submit(self.place, say, doom, self.seed, number, known)
        )

    def _until_killed(
        self, life: forks.Life, seconds: float, words: int | None, weather: str
    ) -> int:
        end = time.monotonic() + seconds
        turn = math.inf
        if weather == "changing":
            turn = time.monotonic() + self.random.random() * seconds
        heard = 0
        while not life.ended and (now := time.monotonic()) < end:
            if now >= turn:
                self._switch(not self.running)
                turn = math.inf
            for line in life.lines(min(end, turn)):
                heard += line.startswith("promised")
                self._hear(line)
            if words is not None and heard >= words:
                break
        life.kill()
        last, code = life.bury()
        for line in last:
            self._hear(line)
        return code

    def _hear(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        match word:
            case "submits" | "promised":
                key, _, revision = rest.partition(" ")
                note = getattr(
                    self.promises, {"submits": "submitted"}.get(word, "promised")
                )
                note(key, int(revision))
            case "saved":
                self._saved = rest
            case "loaded":
                self._loaded = rest.split()
            case "failed":
                self.figures.failed[rest.partition(" ")[2]] += 1
            case "drained":
                self._left_failed = int(rest)
            case _:
                self.figures.errors.append(line)

    # -- Plex --------------------------------------------------------------------

    def _begin_weather(self) -> str:
        names = [*WEATHERS]
        if self._weather == "down" and self.random.random() < 0.6:
            return "down"  # it lasts: several kills in one outage
        self.plex.ask("DELETE", "faults")
        weather = self.random.choices(names, [WEATHERS[name][0] for name in names])[0]
        for action, spec in WEATHERS[weather][1]:
            self.plex.fault(action, **spec)
        self._switch(weather != "down")
        self._weather = weather
        return weather

    def _switch(self, on: bool) -> None:
        self.plex.ask("POST", "start" if on else "stop", {})
        self.running = on

    # -- afterwards ----------------------------------------------------------------

    def _check_circuit(self, before: dict[str, Any] | None, weather: str) -> None:
        """See that the circuit came back as it was left, and that an outage stays one."""
        figures = self.figures
        if before is not None and self._loaded:
            figures.loads += 1
            left = before["breaker"]
            if self._loaded[:2] != [left["state"], str(left["step"])]:
                figures.circuit.append(f"left {left}, came back {self._loaded}")
        after = file_store.read(self.place.store)
        if weather != "down" or before is None or after is None:
            return
        if before["breaker"]["state"] == "open":
            if self._loaded:
                figures.open_loads += 1
            figures.circuit += _differences(before, after)
        if self._saved == "open" and after["breaker"]["state"] != "open":
            figures.circuit.append(f"open was saved, {after['breaker']} is there")

    def _check_plex(self) -> None:
        """Look at the order of what was sent, and of what is shown."""
        self.plex.settle()
        for entry in self.plex.journal():
            if entry["method"] != "PUT":
                continue
            self.figures.edits += 1
            query = [(name, value) for name, value in entry["query"]]
            self.asked.see(dict(query)["id"], revisions_of_edit(query))
        for item in self.plex.items():
            self.shown.see(str(item["ratingKey"]), revisions_of_item(item))

    def _check_disk(self) -> Findings:
        figures = self.figures
        found = look(self.place.database, self.folder)
        figures.checks += 1
        if found.integrity == "ok":
            figures.integrity_ok += 1
        figures.miscounts += found.miscounts
        for key in self.promises.keys:
            figures.lost += [
                f"{key} {name} on disk after kill {figures.kills}"
                for name in self.promises.kept_on_disk(
                    key, found.waiting.get(key, {}), found.settled.get(key, {})
                )
            ]
        figures.lost += [
            f"{key} failed without a reason"
            for key, reason in found.failed.items()
            if not reason
        ]
        return found

    # -- the end -------------------------------------------------------------------

    def finish(self) -> int:
        """Let it drain and compare with Plex, then retry what failed; give the failed ones."""
        self.plex.ask("DELETE", "faults")
        self._switch(True)
        self._weather = "fine"
        self._drain(retry=False)
        found = self._check_disk()
        self._check_plex()
        self._compare(found.failed)
        if found.failed:
            self._drain(retry=True)
            self._check_plex()
            self._compare(self._check_disk().failed)
        return len(found.failed)

    def _drain(self, *, retry: bool) -> None:
        self.plex.hang_up()
        work = partial(drain, self.place, retry=retry, seconds=_DRAIN)
        life = forks.begin(lambda say: work(say=say))
        last, code = life.bury()
        for line in last:
            self._hear(line)
        if code:
            self.figures.errors.append(f"the last life ended with {code}")

    def _compare(self, failed: dict[str, str | None]) -> None:
        items = {item["files"][0]: item for item in self.plex.items()}
        for key, known in self.promises.keys.items():
            if key not in failed:
                self.figures.lost += [
                    f"{key} {name} in Plex"
                    for name in self.promises.kept_in_plex(key, items[known.path])
                ]


def _library() -> PlexCore:
    core = PlexCore()
    synthetic(core, KEYS)
    return core


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Compare an open circuit with what a life without Plex made of it."""
    found = []
    was, now = before["breaker"], after["breaker"]
    if now["state"] != "open" or now["step"] < was["step"]:
        found.append(f"{was} became {now}")
    if now["generation"] < was["generation"]:
        found.append("an earlier generation")
    one, other = before["outages"]["outages"], after["outages"]["outages"]
    if len(one) != len(other) or one[-1]["start"] != other[-1]["start"]:
        found.append(f"{len(one)} outages became {len(other)}")
    if other[-1]["end"] is not None:
        found.append("the outage has ended")
    return found


def _report(proof: Kill9, failed: int, seconds: float) -> bool:
    figures, promises = proof.figures, proof.promises
    backwards = proof.asked.backwards + proof.shown.backwards
    good = figures.integrity_ok == figures.checks
    troubles = [
        *figures.lost,
        *backwards,
        *figures.miscounts,
        *figures.circuit,
        *figures.errors,
    ]
    for trouble in troubles[:40]:
        print("  !", trouble)
    kills = figures.kills

    def listed(counter: Counter[str]) -> str:
        return ", ".join(f"{name} {number}" for name, number in counter.most_common())

    print(
        f"kills {kills} (by moment: {listed(figures.moments)};"
        f" Plex: {listed(figures.weathers)})"
    )
    print(
        f"promises {promises.count} ({promises.unanswered} handed over without an answer),"
        f" edits sent {figures.edits}"
    )
    print(f"lost {len(figures.lost)}")
    print(
        f"older after newer {len(backwards)}"
        f" ({proof.asked.steps} changes in edits, {proof.shown.steps} seen in items)"
    )
    print(f"integrity_check ok {figures.integrity_ok} of {figures.checks}")
    print(f"statistics wrong {len(figures.miscounts)} of {figures.checks}")
    print(
        f"circuit not as it was left {len(figures.circuit)} of {figures.loads}"
        f" (open in an outage: {figures.open_loads})"
    )
    print(
        f"failed with a reason {failed} ({listed(figures.failed) or 'none'}), retried"
    )
    print(f"errors {len(figures.errors)}")
    if kills and not troubles and good:
        print(f"0 in {kills} kills: below {300 / kills:.2f} % per kill at 95 %")
    print(f"seconds {seconds:.0f}, seed {proof.seed}")
    return good and not troubles


def main() -> int:
    """Run the series; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(prog="scripts/kill9", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="25 kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the files behind")
    args = parser.parse_args()
    kills = 25 if args.quick else args.kills
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="plexsync-kill9-"))
    proof = Kill9(args.seed, folder)
    try:
        while proof.figures.kills < kills and not proof.figures.errors:
            proof.live()
            if sys.stderr.isatty():
                print(f"\r{proof.figures.kills} kills", end="", file=sys.stderr)
        failed = proof.finish()
    finally:
        proof.plex.close()
        if args.keep:
            print(f"files in {folder}")
        else:
            shutil.rmtree(folder)
    return 0 if _report(proof, failed, time.monotonic() - started) else 1


if __name__ == "__main__":
    sys.exit(main())
