"""Find a piece of code in a syntax tree, under other names if need be.

Code is compared as Python reads it: layout, comments and the place in the file do
not matter. ``...`` stands for anything. Where nothing is quite the same, the piece
is taken that differs in the fewest names: so a bug outlives a renaming.
"""

import ast
import builtins
from collections.abc import Iterator
import re
from typing import Any, override

_NAMED = ("id", "attr", "arg", "name")  # the fields of a node that hold a name
_IGNORED = ("ctx", "kind", "type_comment")


class StaleError(Exception):
    """What a bug changes is not there any more, or not in one place only."""


class Match:
    """What stands for the names and the dots of a pattern."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self.names: dict[str, str] = {}  # as the pattern has them → as the source has
        self.rest: list[Any] = []  # what each ``...`` stands for

    @property
    def renamed(self) -> int:
        """How many names are not the same."""
        return sum(name != found for name, found in self.names.items())

    def same(self, pattern: Any, found: Any) -> bool:
        """Compare a piece of code, and note what stands for what."""
        if (_is_dots(pattern) and isinstance(found, list)) or _is_dots([pattern]):
            self.rest.append(found)
            return True
        if type(pattern) is not type(found):
            return False
        if isinstance(pattern, list):
            return len(pattern) == len(found) and all(
                self.same(*pair) for pair in zip(pattern, found, strict=True)
            )
        if not isinstance(pattern, ast.AST):
            return bool(pattern == found)
        return all(
            self._is_named(value, getattr(found, field))
            if field in _NAMED and isinstance(value, str)
            else self.same(value, getattr(found, field))
            for field, value in ast.iter_fields(pattern)
            if field not in _IGNORED
        )

    def _is_named(self, name: str, found: Any) -> bool:
        if hasattr(builtins, name) or not isinstance(found, str):
            return bool(name == found)
        known = self.names.setdefault(name, found)
        return known == found and [*self.names.values()].count(found) == 1


def _is_dots(pattern: Any) -> bool:
    match pattern:
        case [ast.Expr(ast.Constant(value)) | ast.Constant(value)]:
            return value is ...
    return False


class _Fill(ast.NodeTransformer):
    """Call everything as the source does, and put in what the dots stood for."""

    def __init__(self, match: Match) -> None:
        self._names = match.names
        self._rest = iter(match.rest)

    @override
    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in _NAMED:
            name = getattr(node, field, None)
            if isinstance(name, str):
                setattr(node, field, self._names.get(name, name))
        return super().generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        return next(self._rest) if _is_dots([node]) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        return next(self._rest) if _is_dots([node]) else node


class _Swap(ast.NodeTransformer):
    """Put one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    @override
    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def replaced(tree: ast.Module, old: str, new: str, within: str = "") -> ast.Module:
    """Replace one piece of a tree, and give the tree. Raises StaleError.

    ``within`` names the function that it is in, if there is one of that name.
    """
    pattern: Any = ast.parse(old).body
    code: Any = ast.parse(new).body
    if is_value := len(pattern) == len(code) == 1 and all(
        isinstance(each, ast.Expr) for each in (*pattern, *code)
    ):
        pattern = pattern[0].value
    functions: list[ast.AST] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == within
    ]
    found = [place for each in functions or [tree] for place in _places(each, pattern)]
    fewest = min((match.renamed for _, _, match in found), default=0)
    best = [place for place in found if place[2].renamed == fewest]
    if len(best) != 1:
        raise StaleError(f"{len(best)} places for: {old}")
    ((place, index, match),) = best
    code = [_Fill(match).visit(each) for each in code]
    if is_value:
        _Swap(place, code[0].value).visit(tree)
    else:
        place[index : index + len(pattern)] = code
    return tree


def _places(tree: ast.AST, pattern: Any) -> Iterator[tuple[Any, int, Match]]:
    """Give each value, or each run of statements, that is as the pattern has it."""
    for node in ast.walk(tree):
        if not isinstance(pattern, list):
            if (match := Match()).same(pattern, node):
                yield node, 0, match
            continue
        for _, values in ast.iter_fields(node):
            for index in range(len(values) if isinstance(values, list) else 0):
                piece = values[index : index + len(pattern)]
                if (match := Match()).same(pattern, piece):
                    yield values, index, match


def reworded(tree: ast.Module, old: str, new: str) -> ast.Module:
    """Replace a part of one of the texts, and give the tree. Raises StaleError."""
    pattern = re.compile("(.*?)".join(map(re.escape, old.split("..."))), re.DOTALL)
    found = [
        (node, place)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for place in pattern.finditer(node.value)
    ]
    if len(found) != 1:
        raise StaleError(f"{len(found)} texts with: {old}")
    ((node, place),) = found
    rest = iter(place.groups())
    new = "".join(
        next(rest) if part == "..." else part for part in re.split(r"(\.\.\.)", new)
    )
    text = place.string
    node.value = f"{text[: place.start()]}{new}{text[place.end() :]}"
    return tree
