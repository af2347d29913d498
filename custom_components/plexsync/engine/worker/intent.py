"""Note in the ledger what is about to be written.

A kill between the write and its verdict then loses neither what is ours nor what
stood there before.
"""

from collections.abc import Iterable
from sqlite3 import Connection

from ..ledger import created_collections, known_items, ledger, parts, settled
from ..look.common import Common
from .task import Task


async def note_intent(common: Common, tasks: Iterable[Task]) -> None:
    """Note the plans of some tasks, durably, before anything of them leaves."""
    now = common.clock.wall()

    def note(db: Connection) -> None:
        for task in tasks:
            record, lookup = task.job.record, task.lookup
            whose = record.source, record.key
            number = lookup.number or known_items.find_or_add(db, task.item, record.key)
            lookup.number = number
            ledger.intend(db, number, *whose, lookup.ledger, lookup.plan.changes, now)
            parts.note(db, task.item, number)
            # Until the verdict, what was in line before need not be in line now.
            settled.compare_again(db, *whose)
            if lookup.creates:
                created_collections.note(db, task.item.section, lookup.creates)

    await common.database.run(note)
