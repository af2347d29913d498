"""Every reason that anything can be given for, and where code gives those of jobs."""

import ast
from collections.abc import Iterator
from pathlib import Path

from custom_components import plexsync
from custom_components.plexsync import errors
from custom_components.plexsync.engine.model.change import Kept
from custom_components.plexsync.engine.model.faults import BROKEN_OFF
from custom_components.plexsync.engine.model.holds import Hold, SourceHold
from custom_components.plexsync.engine.model.reasons import Reason
from custom_components.plexsync.engine.plan.undo import NotRestored

INTEGRATION = Path(plexsync.__file__).parent


def all_reasons() -> set[str]:
    """Return every reason; of those that end in a status only the beginning."""
    families = tuple(errors.BY_FAMILY)
    told = {BROKEN_OFF, *errors.BY_FAMILY, *errors.BY_SOURCE, *_of_sources()}
    told = {each for each in told if each in families or not each.startswith(families)}
    return told.union(
        *(map(str, each) for each in (Reason, Kept, NotRestored, Hold, SourceHold))
    )


def members(tree: ast.AST) -> set[str]:
    """Return the reasons of jobs that stand somewhere in code."""
    return {
        Reason[node.attr]
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Reason"
    }


def _of_sources() -> Iterator[str]:
    """Yield what may be wrong with a source, as its faults say."""
    for path in (INTEGRATION / "sources").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (
                isinstance(node.func, ast.Name) and node.func.id == "source_fault"
            ):
                yield from constants(node.args[0])


def constants(tree: ast.expr) -> set[str]:
    """Return the texts that an expression can be, as far as it says so."""
    match tree:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return constants(one) | constants(other)
        case _:
            return set()
