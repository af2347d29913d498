"""Write only from a read that is fresh: no older than 10 s, and nobody edited since."""

from ..calls.judge import About, Purpose
from ..look.common import Common
from ..look.look import Look
from ..model.reasons import Reason
from .intent import note_intent
from .snoozing import keeps_changing, not_found, snooze_for_missing_part, snooze_or_fail
from .task import Task, Verdict

FRESH = 10.0  # seconds that a read may be old when the write leaves
REFRESHES = 3  # new reads of an item that others keep changing, before its job waits


def is_stale(common: Common, task: Task) -> bool:
    """Return whether the item was read too long ago, or edited by others since."""
    if task.wrote:
        return False  # Plex also tells of our own edits: it was we who were there
    item = task.item
    return (
        common.clock.monotonic() - item.read_at > FRESH
        or common.voided.get(item.rating_key, item.read_at) > item.read_at
    )


async def freshen(common: Common, look: Look, task: Task) -> bool:
    """Read and plan anew while the read is stale; return whether to go on writing."""
    refreshes = 0
    while is_stale(common, task):
        if refreshes == REFRESHES:
            keeps_changing(common, task)
            return False
        await look.refresh(task.lookup)
        if not _go_on_or_end(common, task):
            return False
        await note_intent(common, [task])
        refreshes += 1
    return True


def _go_on_or_end(common: Common, task: Task) -> bool:
    """Return whether a new read leaves something to write; else end the task."""
    lookup = task.lookup
    if lookup.fault is not None:
        snooze_or_fail(
            common, task, lookup.fault, About(Purpose.READ, lookup.rating_key)
        )
    elif lookup.item is None:
        not_found(common, task)
    elif not task.is_as_shown:
        task.end(Verdict.SKIPPED, Reason.PLAN_CHANGED)
    elif task.plan.changes:
        return True
    elif not snooze_for_missing_part(common, task):
        task.end(Verdict.UNCHANGED)
    return False
