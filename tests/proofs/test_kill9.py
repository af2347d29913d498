"""Kill -9 in its quick form, and that it sees what it looks for."""

from collections import Counter
import re
import subprocess
import sys

import pytest

from proofs.kill9.figures import Figures
from proofs.promises import Claim, Order, Promises
from proofs.records import FIELDS
from proofs.report import conclude

KEY = "scene:1"


@pytest.fixture
def promises() -> Promises:
    """Give a key of which one revision was handed over and answered."""
    promises = Promises(1, {KEY: "/a.mkv"})
    promises.submit(KEY, 1)
    promises.answer(KEY, 1)
    return promises


@pytest.mark.timeout(300)
def test_some_kills_lose_nothing(pytestconfig: pytest.Config) -> None:
    """The process of its own is for the forks: they bear no thread beside them."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs.kill9", "--quick"],
        cwd=pytestconfig.rootpath,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    for line in (
        "kills 15: ",
        "lost 0 of [1-9]",
        "older after newer 0 of [1-9]",
        r"integrity_check ok (\d+) of \1$",
    ):
        assert re.search(f"^{line}", done.stdout, re.MULTILINE), done.stdout


def test_a_promise_is_lost_where_neither_job_nor_settled_holds_it(
    promises: Promises,
) -> None:
    """Each field by itself, and an older revision does not keep a newer one."""
    names = promises.record(KEY, 1).fields
    whole = {KEY: dict.fromkeys(names, 1)}
    assert list(promises.lost_on_disk(whole, {})) == []
    assert list(promises.lost_on_disk({}, whole)) == []
    assert len(list(promises.lost_on_disk({}, {}))) == len(names)
    promises.submit(KEY, 2)
    promises.answer(KEY, 2)
    assert len(list(promises.lost_on_disk(whole, {}))) == len(
        promises.record(KEY, 2).fields
    )


def test_a_promise_is_lost_where_plex_shows_another_value(promises: Promises) -> None:
    """Nothing stands there: each promised field is missed, cleared ones excepted."""
    bare = {"/a.mkv": {"values": {}, "tags": {}}}
    fields = promises.record(KEY, 1).fields
    lost = list(promises.lost_in_plex(bare, spare=()))
    assert len(lost) == sum(value is not None for value in fields.values())
    assert list(promises.lost_in_plex(bare, spare=(KEY,))) == []


def test_going_back_to_an_older_revision_is_seen() -> None:
    """By item and field."""
    claim = Claim()
    order = Order(claim)
    name = FIELDS[0]
    for item, revision in (("1", 2), ("2", 1), ("1", 2), ("1", 3)):
        order.see(item, {name: revision})
    assert (claim.looked, claim.found) == (3, [])
    order.see("1", {name: 2})
    assert claim.found == [f"1 {name}: 2 after 3"]


def test_one_finding_spoils_the_series() -> None:
    """Of every claim."""
    figures = Figures(Counter({"time": 25}))
    for claim in figures.claims.values():
        assert figures.troubles == []
        claim.found.append("scene:1 title 1")
        assert figures.troubles == ["scene:1 title 1"]
        claim.found.clear()


def test_a_finding_is_printed_and_decides(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands in front of the figures, and the exit code tells of it."""
    assert conclude([], ["kills 25"]) == 0
    assert conclude(["scene:1 title 1"], ["kills 25"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == ["kills 25", "  ! scene:1 title 1", "kills 25"]
