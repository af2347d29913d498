"""The bugs that are stated, because no operator makes them: ``bugs.txt``.

Each is a kind that published breakers, queues and sync tools had, and a name; then
what stands there (``-``) and what takes its place (``+``), or a part of a text and
its replacement (``~`` and ``+``); ``@`` names the function, where the piece by itself
is too small to be found under another name. A line with ``==`` says of which file the bugs
below it are, and which test has to catch them.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .patterns import StaleError, replaced, reworded
from .trial import Mutant, source

_LIST = Path(__file__).with_name("bugs.txt")


@dataclass(slots=True)
class Bug:
    """One bug."""

    file: str
    test: str
    name: str  # with its kind in front
    quick: bool  # the first of its room, the folder of its file
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    in_text: bool = False
    within: str = ""  # the function that it is in, where that has to be said

    def mutant(self) -> Mutant:
        """Put it into the source. Raises StaleError."""
        return Mutant(
            self.file, self.name, self.put_into(source(self.file)), (self.test,)
        )

    def put_into(self, tree: ast.Module) -> ast.Module:
        """Give a tree with this bug. Raises StaleError."""
        old, new = "\n".join(self.old), "\n".join(self.new)
        if self.in_text:
            return reworded(tree, old, new)
        return replaced(tree, old, new, self.within)


def bugs() -> Iterator[Bug]:
    """Read the list."""
    file, test, seen = "", "", set[str]()
    bug: Bug | None = None
    for line in _LIST.read_text().splitlines():
        if line.startswith("== "):
            file, test = line.removeprefix("== ").split(", ")
        elif line[:2] in ("- ", "~ ", "+ ") and bug is not None:
            (bug.new if line[0] == "+" else bug.old).append(line[2:])
            bug.in_text |= line[0] == "~"
        elif line:
            if bug is not None:
                yield bug
            room = file.rpartition("/")[0]
            name, _, within = line.partition(" @")
            bug = Bug(file, test, name, room not in seen, within=within)
            seen.add(room)
    if bug is not None:
        yield bug


def stale() -> list[str]:
    """Name the bugs that fit the source no more."""
    found = []
    for bug in bugs():
        try:
            bug.mutant()
        except StaleError as error:
            found.append(f"{bug.file}, {bug.name}: {error}")
    return found
