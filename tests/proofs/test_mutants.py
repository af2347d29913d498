"""The seeded bugs fit the source, and the state machines see some of each part."""

import subprocess
import sys

import pytest

from proofs.mutants import ROOT, stale
from proofs.seeded import BUGS


def test_the_list_is_not_stale() -> None:
    """Each bug's text stands in its file, once, and what takes its place compiles."""
    assert stale() == []
    assert len({(bug.kind, bug.name) for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        for test in bug.tests:
            assert (ROOT / test.partition("::")[0]).exists()


@pytest.mark.timeout(900)
def test_a_handful_is_caught() -> None:
    """One bug of each part; ``scripts/mutants`` tries them all."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs.mutants", "--quick"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "SURVIVED" not in done.stdout
