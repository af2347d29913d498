"""The table of cases names tests that there are, and those that write lists run twice."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
import re

ROOT = Path(__file__).parent.parent
GROUPS = ("Whose is it", "What stands there", "What is said")
TWICE = GROUPS[:2]  # where what becomes of a list may depend on how Plex takes it

# They speak to no Plex, only read, or write no list.
WITHOUT_LISTS = {
    "tests/test_services.py::test_a_picture_that_is_refused_keeps_the_other_one_not_back",
    "tests/test_services.py::test_an_address_that_does_not_answer_keeps_no_other_back",
    "tests/engine/test_liveness_stories.py::test_a_number_that_no_database_holds_stops_nobody",
    "tests/engine/test_worker.py::test_a_sort_title_that_equals_the_title",
    "tests/engine/test_worker.py::test_two_items_of_one_guid_are_parked",
    "tests/engine/test_worker.py::test_what_does_not_stay_is_named",
    "tests/plex/test_matching.py::test_guids_of_legacy_agents",
    "tests/plex/test_walk.py::test_file_from_the_future",
    "tests/plex/test_walk.py::test_numbers_that_no_database_holds",
    "tests/sources/test_stash_mapping.py::test_two_performers_of_one_name",
}

type Test = ast.FunctionDef | ast.AsyncFunctionDef


def rows() -> Iterator[tuple[str, list[str]]]:
    """Yield the group and the cells of each row of the table."""
    group = ""
    for line in (ROOT / "docs" / "cases.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| what happens |"):
            yield group, [cell.strip() for cell in line.strip("|").split("|")]


def named(cell: str) -> str:
    """Give the test that a cell names."""
    match = re.fullmatch(r"`(tests/[\w/]+\.py::test_\w+)`", cell)
    assert match is not None, cell
    return match[1]


@cache
def module_of(file: str) -> ast.Module:
    """Read a file of tests."""
    return ast.parse((ROOT / file).read_text("utf-8"))


def find(test: str) -> Test | None:
    """Find the function of a test."""
    file, _, name = test.partition("::")
    if not (ROOT / file).is_file():
        return None
    for node in module_of(file).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                return node
    return None


def runs_twice(test: str) -> bool:
    """Say whether a test, or its whole file, uses `tag_mode`."""
    function = find(test)
    assert function is not None
    marks = [
        node.value
        for node in module_of(test.partition("::")[0]).body
        if isinstance(node, ast.Assign) and ast.unparse(node).startswith("pytestmark")
    ]
    used = (function.args, *function.decorator_list, *marks)
    return any("tag_mode" in ast.unparse(each) for each in used)


def test_every_case_has_its_test() -> None:
    """Each row says what happens, what becomes of it, and names a test that there is."""
    found = list(rows())
    assert tuple(dict.fromkeys(group for group, _ in found)) == GROUPS
    for _, cells in found:
        assert len(cells) == 3
        assert all(cells)
    assert [test for _, (*_, cell) in found if find(test := named(cell)) is None] == []


def test_what_writes_lists_runs_twice() -> None:
    """Against a Plex that replaces its lists, and one that adds to them."""
    tests = {named(cell) for group, (*_, cell) in rows() if group in TWICE}
    assert {test for test in tests if not runs_twice(test)} == WITHOUT_LISTS
