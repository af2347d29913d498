"""No regular expression of ours can backtrack: what it is given may be hostile.

What a source sends is bounded in size, but a backtracking expression needs no
more than a few hundred bytes to hold the event loop for ever. So an open-ended
quantifier is possessive (``*+``, ``++``), or nothing comes after it; none stands
within another; and an expression that is looked for anywhere in a text, where
each place is a new beginning, has no other quantifier than at its end.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
from re import _constants as codes, _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent / "custom_components" / "plexsync"
FUNCTIONS = {"match", "fullmatch", "search", "sub", "subn", "split", "findall"}
FUNCTIONS |= {"finditer", "compile"}
ANCHORED = {"match", "fullmatch"}
BOUND = 64  # repetitions that are few

# What is linear for another reason.
PROVEN = {
    "_ROOT": "after each quantifier comes what it cannot match, and ^ is before all",
    "_HAS_ID": "each beginning has an & of its own, and no digit is one",
}


@dataclass(frozen=True)
class Expression:
    """One expression, and in which ways it is used."""

    place: str
    name: str
    pattern: str | bytes
    uses: frozenset[str]


def expressions(source: str, place: str) -> Iterator[Expression]:
    """Find the expressions of one file."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            other = isinstance(node, ast.ImportFrom) and node.module == "re"
            assert not other, "by another name"
            assert all(each.name != "re" or not each.asname for each in node.names)
    names = {
        node.value: target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    calls = [
        (node, node.func.value.id, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    ]
    for call, owner, function in calls:
        if owner != "re" or function not in FUNCTIONS:
            continue
        assert isinstance(call.args[0], ast.Constant), "made at run time"
        pattern = call.args[0].value
        assert isinstance(pattern, str | bytes)
        name = names.get(call, "")
        uses = {use for _, whose, use in calls if whose == name and use in FUNCTIONS}
        yield Expression(
            place,
            name,
            pattern,
            frozenset(uses if function == "compile" else {function}),
        )


def items(tree: Any, last: bool, within: bool) -> Iterator[tuple[Any, bool, bool]]:
    """Give each quantifier: whether it is at the end, and whether within another."""
    for number, (code, value) in enumerate(tree):
        end = last and number == len(tree) - 1
        match code:
            case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
                often = value[1] > BOUND
                if often:
                    yield code, end, within
                yield from items(value[2], end and value[1] == 1, within or often)
            case codes.SUBPATTERN:
                yield from items(value[-1], end, within)
            case codes.ATOMIC_GROUP:
                yield from items(value, end, within)
            case codes.BRANCH:
                for branch in value[1]:
                    yield from items(branch, end, within)
            case codes.ASSERT | codes.ASSERT_NOT:
                yield from items(value[1], False, within)


def trouble(found: Expression) -> str | None:
    """Say what is wrong with an expression."""
    roams = not found.uses <= ANCHORED
    for code, last, within in items(parser.parse(found.pattern), True, False):
        if within:
            return "a quantifier within another"
        if not last and code is not codes.POSSESSIVE_REPEAT:
            return "a quantifier that can give back what it took"
        if not last and roams:
            return "a quantifier before the end of what may begin anywhere"
    return None


ALL = [
    expression
    for path in sorted(ROOT.rglob("*.py"))
    for expression in expressions(path.read_text(), path.relative_to(ROOT).as_posix())
]


def test_they_are_found() -> None:
    """Those that are compiled, and those that are not."""
    assert len({found.place for found in ALL}) > 5
    source = "_A = re.compile('a+')\n_A.search(text)\nre.match('b+', text)\n"
    assert list(expressions(source, "x.py")) == [
        Expression("x.py", "_A", "a+", frozenset({"search"})),
        Expression("x.py", "", "b+", frozenset({"match"})),
    ]


@pytest.mark.parametrize("found", ALL, ids=lambda found: f"{found.place} {found.name}")
def test_none_can_backtrack(found: Expression) -> None:
    """Whatever it is given, it looks at each character a few times at most."""
    assert found.uses
    assert found.name in PROVEN or trouble(found) is None


@pytest.mark.parametrize(
    ("pattern", "use", "fine"),
    [
        (r"(<!--.*?-->\s*)*<svg", "match", False),
        (r"(a+)+$", "match", False),
        (r"(a|b*)*", "match", False),
        (r"\s*<", "match", False),
        (r"a*?b", "match", False),
        (r"\s*+<", "match", True),
        (r"\s*+<", "search", False),
        (r"\s+", "sub", True),
        (r"\d{1,9}x", "match", True),
        (r"\d{1,9000}x", "match", False),
        (r"a(?=b*c)", "match", False),
        (r"(/[a-z]++)(\?\w*)?", "fullmatch", True),
    ],
)
def test_what_is_refused(pattern: str, use: str, fine: bool) -> None:
    """Know the ones that can hold the loop."""
    (found,) = expressions(f"import re\nre.{use}({pattern!r}, x)", "here")
    assert (trouble(found) is None) is fine
    assert re.compile(pattern)


@pytest.mark.parametrize(
    "source",
    [
        "import re\nre.match(x, y)",
        "from re import match\nmatch('a', y)",
        "import re as other\nother.match('a', y)",
    ],
)
def test_what_cannot_be_judged_is_refused(source: str) -> None:
    """An expression that is put together at run time, or goes by another name."""
    with pytest.raises(AssertionError):
        list(expressions(source, "here"))
