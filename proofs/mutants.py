"""Seed bugs, one at a time, and see whether the state machines catch each.

A test that cannot fail proves nothing, and a state machine can be blind without
anybody seeing it. Each bug of ``seeded.py`` is a small change of the source, put
into a copy of it; the machine of that part, and where a bug lies between the
parts an ordinary test, then has to fail.
"""

import argparse
from collections.abc import Iterator, Sequence
import contextlib
from dataclasses import dataclass
import importlib
import multiprocessing
from multiprocessing.connection import wait
import os
from pathlib import Path
import re
import shutil
import sys
import tempfile
import time

import pytest

from .seeded import BUGS, Bug

ROOT = Path(__file__).parents[1]
AT_ONCE = 2
_LONGEST = 600  # seconds that one bug may take; it counts as survived then
_COPIED = ("custom_components", "tests")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one bug; ``by`` names the test that caught it."""

    bug: Bug | None  # None: the source as it is
    caught: bool
    by: str
    seconds: float

    def line(self) -> str:
        """Give one line of the report."""
        said = "caught" if self.caught else "SURVIVED" if self.bug else "unchanged"
        what = f"{self.bug.kind}: {self.bug.name}" if self.bug else self.by
        by = f"{self.by:<16} " if self.bug else ""
        return f"{said:<9} {self.seconds:>5.1f} s  {by}{what}"


def stale() -> list[str]:
    """Name the bugs whose place in the source is gone, or is not the only one."""
    found = []
    for bug in BUGS:
        text = (ROOT / bug.path).read_text()
        if (number := text.count(bug.old)) != 1:
            found.append(f"{bug.name}: its text occurs {number} times in {bug.path}")
            continue
        try:
            compile(text.replace(bug.old, bug.new), bug.path, "exec")
        except SyntaxError as error:
            found.append(f"{bug.name}: {error}")
    return found


@contextlib.contextmanager
def copies(number: int) -> Iterator[list[Path]]:
    """Give copies of the source to put bugs into."""
    folder = Path(tempfile.mkdtemp(prefix="plexsync-mutants-"))
    try:
        for count in range(number):
            for name in _COPIED:
                shutil.copytree(
                    ROOT / name,
                    folder / f"{count}" / name,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            shutil.copy(ROOT / "pyproject.toml", folder / f"{count}")
        yield [folder / f"{count}" for count in range(number)]
    finally:
        shutil.rmtree(folder)


def _run_tests(copy: Path, tests: Sequence[str]) -> None:
    """Run tests in this process, which was forked for them, and end it."""
    with (copy / "output").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.chdir(copy)
    os.environ["PLEXSYNC_MACHINES"] = "find"
    # Compiled files know a source by its time and size: too coarse for this.
    sys.dont_write_bytecode = True
    sys.path[:] = [name for name in sys.path if Path(name).absolute() != ROOT]
    for name in list(sys.modules):
        if name.partition(".")[0] in ("custom_components", "tests"):
            del sys.modules[name]
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
    sys.stdout.flush()
    os._exit(int(code))


class Trial:
    """The tests at work on a copy with one bug in it, in a process of their own."""

    def __init__(self, copy: Path, bug: Bug | None, tests: Sequence[str]) -> None:
        """Put the bug in and begin."""
        self.copy, self.bug, self.tests = copy, bug, tests
        if bug is not None:
            text = (ROOT / bug.path).read_text()
            (copy / bug.path).write_text(text.replace(bug.old, bug.new))
        self._began = time.monotonic()
        # Home Assistant is imported once, here, not eighty times.
        fork = multiprocessing.get_context("fork")
        self._process = fork.Process(target=_run_tests, args=(copy, tests))
        self._process.start()

    @property
    def sentinel(self) -> int:
        """What is ready when the tests have ended."""
        return self._process.sentinel

    @property
    def running(self) -> bool:
        """Say whether the tests still run."""
        return self._process.is_alive()

    @property
    def overdue(self) -> bool:
        """Say whether it has taken too long."""
        return time.monotonic() - self._began > _LONGEST

    def end(self) -> Verdict:
        """Take the bug out and say what became of it."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        if self.bug is not None:
            shutil.copy(ROOT / self.bug.path, self.copy / self.bug.path)
        seconds = time.monotonic() - self._began
        said = (self.copy / "output").read_text()
        failed = re.search(r"^FAILED \S*/test_(\w+)\.py::", said, re.MULTILINE)
        code = self._process.exitcode
        if code == 0:
            return Verdict(self.bug, False, ", ".join(map(_short, self.tests)), seconds)
        if "from pytest-timeout" in said or (code or 0) < 0:
            return Verdict(self.bug, False, "no end", seconds)
        if code == 1 and failed:
            return Verdict(self.bug, True, failed[1], seconds)
        # Tests that did not even begin have caught nothing.
        sys.stderr.write(said)
        return Verdict(self.bug, False, "tests broken", seconds)


def judge(work: Sequence[tuple[Bug | None, Sequence[str]]]) -> Iterator[Verdict]:
    """Try bugs, some at a time; None stands for the source as it is."""
    for name in ("tests.rig", "pytest_homeassistant_custom_component.plugins"):
        importlib.import_module(name)  # and with them all that takes its time
    waiting = list(reversed(work))
    with copies(AT_ONCE) as free:
        busy: list[Trial] = []
        while waiting or busy:
            while waiting and free:
                busy.append(Trial(free.pop(), *waiting.pop()))
            wait([trial.sentinel for trial in busy], timeout=10)
            for trial in list(busy):
                if trial.overdue or not trial.running:
                    busy.remove(trial)
                    yield trial.end()
                    free.append(trial.copy)


def _short(test: str) -> str:
    return test.rsplit("/", maxsplit=1)[-1].removeprefix("test_")


def main(arguments: list[str] | None = None) -> int:
    """Print a line per bug; 1 if one survived, or the list is stale."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one of each part")
    parser.add_argument("--only", default="", help="part of a bug's file, kind or name")
    chosen = parser.parse_args(arguments)
    if out := stale():
        print("the list is stale:", *out, sep="\n")
        return 1
    bugs = [
        bug
        for bug in BUGS
        if (bug.quick or not chosen.quick)
        and chosen.only in f"{bug.path} {bug.kind} {bug.name}"
    ]
    began = time.monotonic()
    # That the tests pass without a bug is the other half of the proof; who wants a
    # few of them only runs the tests anyway.
    tests = [] if chosen.quick else sorted({bug.tests for bug in bugs})
    work: list[tuple[Bug | None, Sequence[str]]] = [(bug, bug.tests) for bug in bugs]
    work += [(None, test) for test in tests]
    verdicts = []
    for verdict in judge(work):
        print(verdict.line(), flush=True)
        verdicts.append(verdict)
    sound = not any(verdict.caught for verdict in verdicts if verdict.bug is None)
    caught = [verdict for verdict in verdicts if verdict.bug and verdict.caught]
    machines = sum(verdict.by.endswith("_machine") for verdict in caught)
    if not sound:
        print("the tests fail without any bug: nothing is proven")
    print(
        f"{len(caught)} of {len(bugs)} caught, {machines} of them by state machines,"
        f" {time.monotonic() - began:.0f} s"
    )
    return 0 if sound and len(caught) == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
