"""The changes that need no words of ours, as any mutation tool makes them.

Of every function: a condition that always or never holds, one of several conditions
or a statement left out, an edge moved, a limit lifted; and in SQL a condition that
always holds, or a column that stays as it is.
"""

import ast
from collections.abc import Iterator
import re
from typing import Any

type Change = tuple[int, str, ast.Module]  # its line, what it is, the source with it

_EDGES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_APART = ("annotation", "returns", "defaults", "kw_defaults", "decorator_list")
_SQL = re.compile(r"\s*(SELECT|UPDATE|INSERT|DELETE|WHERE|AND|SET)\b")
_CONDITION = re.compile(
    r"\b(?:AND|WHERE) (?!EXISTS|NOT)((?:[^()]|\([^()]*\))+?)"
    r"(?= AND | ORDER | RETURNING| GROUP | LIMIT |\)|$)"
)
_COLUMN = re.compile(
    r"(?:(?<=SET )|(?<=, ))(\w+) = ((?:[^,()]|\((?:[^()]|\([^()]*\))*\))+?)(?=,| WHERE |$)"
)


def changes(tree: ast.Module) -> Iterator[Change]:
    """Make every change, one at a time; with the next one it is taken back."""
    inside = {
        id(node): node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and function.name != "__init__"
        for node in ast.walk(function)
    }
    for holder in inside.values():
        if isinstance(holder, ast.Raise):
            continue
        for field, value in ast.iter_fields(holder):
            if field in _APART or not value:
                continue
            places = value if isinstance(value, list) else [value]
            for index, node in enumerate(places):
                for what, other in _others(node, field):
                    ast.fix_missing_locations(ast.copy_location(other, node))
                    changed = [*places]
                    changed[index] = other
                    setattr(holder, field, changed if value is places else other)
                    yield node.lineno, what, tree
                    setattr(holder, field, value)


def _others(node: Any, field: str) -> Iterator[tuple[str, ast.AST]]:
    if field in ("test", "ifs"):
        yield "always", ast.Constant(True)
    if field == "test":
        yield "never", ast.Constant(False)
    match node:
        case ast.Expr(ast.Constant() | ast.Yield()):
            pass
        case ast.Expr() | ast.AugAssign() | ast.Delete() | ast.Continue():
            yield "left out", ast.Pass()
        case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
            for index, target in enumerate(targets):
                if isinstance(target, ast.Attribute):
                    kept = [*values]
                    kept[index] = ast.Attribute(target.value, target.attr, ast.Load())
                    yield (
                        "not set",
                        ast.Assign(node.targets, ast.Tuple(kept, ast.Load())),
                    )
        case ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield "left out", ast.Pass()
        case ast.BoolOp(values=values):
            for index in range(len(values)):
                rest = [*values[:index], *values[index + 1 :]]
                yield (
                    "one left out",
                    rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest),
                )
        case ast.Compare(left, [edge], right) if type(edge) in _EDGES:
            yield "edge", ast.Compare(left, [_EDGES[type(edge)]()], right)
        case ast.Call(ast.Name("min" | "max"), [_, _, *_]):
            for value in node.args:
                yield "without limit", value
        case ast.Call(ast.Name("any" | "all" as name), values):
            other = {"any": "all", "all": "any"}[name]
            yield other, ast.Call(ast.Name(other, ast.Load()), values, [])
        case ast.Constant(bool(value)):
            yield "negated", ast.Constant(not value)
        case ast.Constant(str(text)) if _SQL.match(text):
            for pattern, instead in (
                (_CONDITION, r"(\1 OR 1)"),
                (_COLUMN, r"\1 = iif(1, \1, \2)"),
            ):
                for found in pattern.finditer(text):
                    start = text[: found.start()]
                    if pattern is _CONDITION:
                        start = text[: found.start(1)]
                    yield (
                        "SQL",
                        ast.Constant(
                            start + found.expand(instead) + text[found.end() :]
                        ),
                    )
