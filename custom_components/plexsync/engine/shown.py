"""What a turn changes of what is shown for review."""

from collections.abc import Iterable
from sqlite3 import Connection

from . import approvals, planned
from .ending import Ending
from .task import Verdict


def follow_plans(db: Connection, endings: Iterable[Ending]) -> None:
    """Forget the plans that are done, and show anew those that turned out otherwise."""
    planned.begin(db)
    for ending in endings:
        record = ending.job.record
        if ending.verdict in (Verdict.WRITTEN, Verdict.UNCHANGED):
            planned.drop(db, record.source, record.key)
        for task in ending.tasks:
            if task.reason == "plan_changed":
                planned.keep(db, task.sight)
        if ending.main.approval is not None and ending.verdict is not Verdict.SNOOZED:
            approvals.drop(db, record.source, record.key)
