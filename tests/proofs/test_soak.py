"""The soak in its quick form, and that it sees what it looks for."""

import re
import subprocess
import sys

import pytest

from proofs.soak import GAP, MEMORY, Figures


@pytest.mark.timeout(600)
def test_a_short_soak_writes_everything_once(pytestconfig: pytest.Config) -> None:
    """In a process of its own: the guard against blocking calls is for a whole process."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs.soak", "--quick"],
        cwd=pytestconfig.rootpath,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout
    for line in (
        "jobs 200, written once in effect 200, edits that changed nothing 0, items",
        r"requests [1-9]\d*, rate limited \d+, answers lost after the effect \d+, ",
        "blocking calls on the loop 0$",
    ):
        assert re.search(f"^{line}", done.stdout, re.MULTILINE), (line, done.stdout)


def _good() -> Figures:
    return Figures(2, edits=2, openings=1, limited=1)


def test_a_good_run_has_no_trouble() -> None:
    """Nothing to say."""
    assert list(_good().troubles(quick=False)) == []


def test_it_sees_an_edit_that_changed_nothing() -> None:
    """The same words twice for one item."""
    figures = _good()
    figures.edits += 1
    figures.twice += 1
    assert len(list(figures.troubles(quick=True))) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wrong", ["item 1 is not as wanted"]),
        ("blocking", ["Detected blocking call"]),
        ("reasons", {"failed:not_kept": 1}),
        ("growth", int(MEMORY) + 1),
        ("gap", GAP * 1.1),
        ("openings", 0),
        ("limited", 0),
        ("jobs", 3),
    ],
)
def test_it_sees_everything_else(name: str, value: object) -> None:
    """One trouble each."""
    figures = _good()
    setattr(figures, name, value)
    assert len(list(figures.troubles(quick=False))) == 1
