"""Every reason that the code can give, read from the code."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
import re

from custom_components import plexsync
from custom_components.plexsync import errors
from custom_components.plexsync.engine.bulkheads import REASONS, UNDER_WAY
from custom_components.plexsync.engine.change import Kept
from custom_components.plexsync.engine.holds import Hold, SourceHold
from custom_components.plexsync.engine.ports import CHANGING
from custom_components.plexsync.engine.reasons import Reason
from custom_components.plexsync.engine.skipped import REASONS as SKIPPED
from custom_components.plexsync.plex import classify
from custom_components.plexsync.plex.writer import TOO_LONG_LIST

INTEGRATION = Path(plexsync.__file__).parent

# Which argument of a call is the reason, by the last name of what is called.
_CALLS: Mapping[str, int] = {
    "Fault": 1,
    "Snooze": 1,
    "TooMuchFault": 1,
    "FaultRow": 1,
    "source_fault": 0,
}
_METHODS = ("fail", "skip")  # of a task its only text, of the queue one of several
# No call hands these over: they are returned, kept in a table, or stand in SQL.
_ELSEWHERE = ("before_unknown", "changed_since", "crashed", "gone", "picture_gone")


def all_reasons() -> set[str]:
    """Give every reason; of those that end in a status only the beginning."""
    code = "\n".join(path.read_text() for path in INTEGRATION.rglob("*.py"))
    assert not [
        each for each in _ELSEWHERE if not re.search(rf"['\"]{each}['\"]", code)
    ]
    declared = {
        *_ELSEWHERE,
        *REASONS.values(),
        *SKIPPED,
        *map(str, Hold),
        *map(str, SourceHold),
        *map(str, Reason),
        *map(str, Kept),
        *(reason for reason, *_ in classify._BY_ERROR),  # noqa: SLF001  # the table itself
        *(reason for reason in errors.BY_REASON),
        *errors.BY_FAMILY,
        *errors.BY_SOURCE,
        CHANGING,
        TOO_LONG_LIST,
        UNDER_WAY,
    }
    families = tuple(errors.BY_FAMILY)
    called = {each for each in _called() if not each.startswith(families)}
    return declared | called


def _called() -> Iterator[str]:
    for path in sorted(INTEGRATION.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield from _texts(node)


def _texts(call: ast.Call) -> Iterator[str]:
    """Give the reasons that stand in a call in so many words."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        arguments = call.args
    else:
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        arguments = call.args[_CALLS[name] :][:1] if name in _CALLS else []
    for argument in arguments:
        yield from _said(argument)


def _said(argument: ast.expr) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _said(one)
            yield from _said(other)
        case ast.BoolOp(values=several):
            for each in several:
                yield from _said(each)
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            yield start
