"""The seeded bugs fit the source, outlive a renaming, and one of each room is caught."""

import ast
import builtins
import subprocess
import sys

import pytest

from proofs.mutants.bugs import Bug, bugs, stale
from proofs.mutants.files import FILES
from proofs.mutants.operators import changes
from proofs.mutants.patterns import StaleError, replaced, reworded
from proofs.mutants.trial import ROOT, source

BUGS = list(bugs())


def test_the_list_is_not_stale() -> None:
    """What each bug changes stands in its file, once, and its test is there."""
    assert stale() == []
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    for test in {bug.test for bug in BUGS} | {test for f in FILES for test in f.tests}:
        assert (ROOT / "tests" / test.partition("::")[0]).exists()


def renamed(tree: ast.Module, name: str) -> ast.Module:
    """Call one thing something else, and give the tree."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            if getattr(node, field, None) == name:
                setattr(node, field, f"{name}_anew")
    return tree


def names(code: str) -> set[str]:
    """Give all names in a piece of code but those of Python itself."""
    found = {
        getattr(node, field)
        for node in ast.walk(ast.parse(code))
        for field in ("id", "attr")
        if hasattr(node, field)
    }
    return found - set(dir(builtins))


@pytest.mark.parametrize(
    "bug", [bug for bug in BUGS if not bug.in_text], ids=lambda bug: bug.name
)
def test_a_bug_outlives_a_renaming(bug: Bug) -> None:
    """Whichever of its names is another one tomorrow, the same place is changed."""
    for name in names("\n".join(bug.old)) | {bug.within}:
        expected = renamed(bug.put_into(source(bug.file)), name)
        found = bug.put_into(renamed(source(bug.file), name))
        assert ast.compare(found, expected), name


def test_the_pieces_are_compared_as_python_reads_them() -> None:
    """Neither layout nor names decide, dots stand for anything, and two places are none."""
    code = "def f(a):\n    if (a.b  and\n        c): go(1, 2)\n    stop(1)"
    found = replaced(ast.parse(code), "if x.b and c: ...", "if x.b: ...")
    assert ast.unparse(found) == "def f(a):\n    if a.b:\n        go(1, 2)\n    stop(1)"
    assert "go(3, 2)" in ast.unparse(replaced(found, "go(1, ...)", "go(3, ...)"))
    for old in ("halt(1, 2, 3)", "1 + 1"):
        with pytest.raises(StaleError):
            replaced(found, old, "2")
    text = reworded(ast.parse("f('A = ? AND B' ' < ?')"), "A = ... <", "A > ... <=")
    assert ast.unparse(text) == "f('A > ? AND B <= ?')"
    with pytest.raises(StaleError):
        reworded(text, "?", "1")


def test_the_operators_change_one_thing_each() -> None:
    """Of each kind once, and afterwards the tree is as it was."""
    code = (
        "def f(self, a, b):\n"
        "    if a and not b:\n        self.g()\n"
        "    self.x = min(a, b)\n    a(b < 5)\n"
        "    db('UPDATE t SET n = n + 1, m = 2 WHERE id = ? AND k = 3')\n"
    )
    tree = ast.parse(code)
    made = [ast.unparse(changed) for _, _, changed in changes(tree)]
    assert ast.unparse(tree) == ast.unparse(ast.parse(code))
    assert len(made) == len(set(made))
    for change in (
        "if True:",
        "if False:",
        "if a:",
        "if not b:",
        "        pass",
        "self.x = a\n",
        "self.x = b\n",
        "a(b <= 5)",
        "SET n = iif(1, n, n + 1), m = 2",
        "WHERE (id = ? OR 1) AND",
        "AND (k = 3 OR 1)",
    ):
        assert sum(change in each for each in made) == 1, change


@pytest.mark.timeout(900)
def test_a_handful_is_caught() -> None:
    """One bug for each room; ``scripts/mutants`` tries them all, and every change."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs.mutants", "--quick"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "SURVIVED" not in done.stdout
