"""Note in the ledger what is about to be written.

A kill between the write and its verdict then loses neither what is ours nor what
stood there before.
"""

from collections.abc import Iterable
from sqlite3 import Connection

from . import created_collections, ledger, parts, settled
from .task import Task
from .tools import Tools


async def note_intent(tools: Tools, tasks: Iterable[Task]) -> None:
    """Note the plans of some tasks, durably, before anything of them leaves."""
    now = tools.clock.wall()

    def note(db: Connection) -> None:
        for task in tasks:
            record, plan = task.job.record, task.plan
            whose = (task.item, record.source, record.key)
            ledger.intend(db, *whose, plan.changes, now)
            parts.note(db, task.item)
            # Until the verdict, what was in line before need not be in line now.
            settled.forget(db, record.source, record.key)
            if task.sight.creates:
                created_collections.note(db, task.item.section, task.sight.creates)

    await tools.database.run(note)
