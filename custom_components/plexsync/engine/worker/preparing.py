"""What a turn does for its jobs before Plex is asked anything."""

from collections.abc import Sequence
from sqlite3 import Connection

from ..ledger import pins, settled
from ..look import pictures
from ..look.common import Common
from ..plan import approvals
from .snoozing import snooze_or_fail
from .task import Task, Verdict

SHORTLY = 0.05  # seconds that a job waits for which the turn had no room


async def recall(common: Common, tasks: Sequence[Task]) -> None:
    """Look up what the database knows: pins, and what may only lack its pictures."""

    def look_up(db: Connection) -> None:
        for task in tasks:
            record = task.job.record
            if tied := pins.find(db, record.source, record.key):
                task.lookup.find = tied
            task.approval = approvals.find(db, record.source, record.key)
            if record.has_pictures:
                task.settled_key = settled.same_but_pictures(db, record)

    await common.database.run(look_up, durable=False)


async def fetch_pictures(common: Common, tasks: Sequence[Task]) -> None:
    """Fetch the pictures that the records name, and end what needs nothing else."""
    jobs = [task.job for task in tasks if task.job.record.pictures]
    if not jobs:
        return
    found = await pictures.fetch_all(common, jobs)
    for task in tasks:
        if task.job.id not in found:
            continue
        task.pictures = mine = found[task.job.id]
        task.lookup.images = mine.digests
        if mine.later:
            task.snooze(None, SHORTLY)
        elif mine.fault is not None:
            if task.job.blocked == mine.fault.kept_from is not None:
                # It waited for just this: all else was done before.
                snooze_or_fail(common, task, mine.fault)
        elif task.settled_key and not mine.changed:
            # The record said "perhaps another picture", and there is none: this
            # needs no request to Plex.
            task.lookup.rating_key = task.settled_key
            task.end(Verdict.UNCHANGED)
