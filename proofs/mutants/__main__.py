"""Put bugs into the code, one at a time, and see whether the tests catch each.

A test that cannot fail proves nothing, and a state machine can be blind without
anybody seeing it. The bugs that are stated (``bugs.txt``) have to be caught, each by
the test that is named beside it. Of the changes that need no words (``operators.py``)
no more may pass unseen than today (``files.py``). No file is touched: the code is
changed in the memory of a process of its own.
"""

import argparse
from collections.abc import Iterator, Sequence
import sys
import time

from .bugs import Bug, bugs, stale
from .files import FILES, File
from .operators import changes
from .trial import PACKAGE, ROOT, Mutant, judge, prepare, source


def main() -> int:
    """Print what became of each; 1 if a bug survived, or more changes than today."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one bug for each room")
    parser.add_argument("--only", default="", help="part of a file, kind or name")
    chosen = parser.parse_args()
    if out := stale():
        print("the list is stale:", *out, sep="\n")
        return 1
    stated = [
        bug
        for bug in bugs()
        if (bug.quick or not chosen.quick) and chosen.only in f"{bug.file} {bug.name}"
    ]
    files = [f for f in FILES if not chosen.quick and chosen.only in f.file]
    began = time.monotonic()
    tests = {bug.test for bug in stated} | {t for file in files for t in file.tests}
    prepare(tests)
    good = _are_caught(stated)
    for file in files:
        good &= _is_watched(file)
    # That the tests pass without a bug is the other half of the proof; who wants a
    # few of them only runs the tests anyway.
    if not chosen.quick:
        good &= _pass(sorted(tests))
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if good else 1


def _are_caught(stated: Sequence[Bug]) -> bool:
    caught = machines = 0
    for verdict in judge(bug.mutant() for bug in stated):
        caught += verdict.caught
        machines += verdict.caught and verdict.by.endswith("_machine")
        said = "caught" if verdict.caught else "SURVIVED"
        by = verdict.by.removeprefix("test_")
        print(
            f"{said:<8} {verdict.seconds:>5.1f} s  {by:<16} {verdict.mutant.name}",
            flush=True,
        )
    print(f"{caught} of {len(stated)} caught, {machines} of them by state machines")
    return caught == len(stated)


def _is_watched(file: File) -> bool:
    """Try every change of a file; show those that nobody notices."""
    lines = (ROOT / PACKAGE / file.file).read_text().splitlines()
    tried = unseen = 0
    for verdict in judge(_of(file)):
        tried += 1
        if not verdict.caught and verdict.by == "nobody":
            unseen += 1
            number, _, what = verdict.mutant.name.partition(" ")
            print(f"  {file.file}:{number} {what}: {lines[int(number) - 1].strip()}")
    known = "" if unseen <= file.unseen else f", MORE THAN {file.unseen}"
    print(f"{file.file}: {tried} changes, {unseen} unseen{known}", flush=True)
    return unseen <= file.unseen


def _of(file: File) -> Iterator[Mutant]:
    for line, what, tree in changes(source(file.file)):
        yield Mutant(file.file, f"{line} {what}", tree, file.tests)


def _pass(tests: Sequence[str]) -> bool:
    broken = [
        verdict.mutant.tests[0]
        for verdict in judge(Mutant("", "", None, (test,)) for test in tests)
        if verdict.by != "nobody"
    ]
    if broken:
        print("fail without any bug:", *broken)
    return not broken


if __name__ == "__main__":
    sys.exit(main())
