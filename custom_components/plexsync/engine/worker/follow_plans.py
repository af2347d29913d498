"""What a turn changes of the plan that is shown for review: see ``plan_cache``."""

from collections.abc import Iterable
from sqlite3 import Connection

from ..jobs import skipped
from ..model.reasons import Reason
from ..plan import approvals, plan_cache
from .ending import Ending
from .task import Verdict


def follow_plans(db: Connection, endings: Iterable[Ending], now: float) -> None:
    """Forget the plans that are done, and show anew those that turned out otherwise.

    Where an approval ended while its turn went on, nobody waits for another one.
    """
    for ending in endings:
        record = ending.job.record
        if ending.verdict in (Verdict.WRITTEN, Verdict.UNCHANGED):
            plan_cache.drop(db, record.source, record.key)
        for task in ending.tasks:
            if task.reason == Reason.PLAN_CHANGED:
                plan_cache.keep(db, task.lookup)
        if ending.main.approval is None or ending.verdict is Verdict.SNOOZED:
            continue
        if approvals.find(db, record.source, record.key) is None:
            reason = Reason.PLAN_CHANGED
            skipped.take_up(db, record.source, reason, now, record.key)
        approvals.drop(db, record.source, record.key)
