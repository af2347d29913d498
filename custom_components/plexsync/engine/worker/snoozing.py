"""What becomes of a job when something went wrong: another try later, or none."""

from ..calls.judge import About
from ..jobs import skipped
from ..look.common import Common
from ..model.faults import Fault
from ..model.reasons import Reason
from ..util.unforeseen import tell
from .task import Task, Verdict

BLOCKED = 3600.0  # seconds to wait for a kind of call, unless it works again before


def snooze_or_fail(
    common: Common, task: Task, fault: Fault, about: About | None = None
) -> None:
    """Snooze a job because of a fault that is not the server's, or give it up.

    ``about`` says which call met the fault. A doubtful fault costs no attempt yet:
    it is charged once others show that it was the job's own.
    """
    job, retry = task.job, common.retry
    if fault.kept_from is not None:
        task.blocked = fault.kept_from
        task.snooze(fault.reason, BLOCKED)
        return
    spent = job.attempts if fault.doubtful else job.attempts + 1
    if fault.permanent or spent >= retry.attempts:
        task.fail(fault.reason, passing=not fault.permanent)
        return
    task.attempt = not fault.doubtful
    task.solo = fault.doubtful
    if fault.doubtful and about is not None:
        task.doubt = about.subject
    delay = retry.transient.delay(job.snoozes + job.attempts, common.random)
    task.snooze(fault.reason, delay)


def not_found(common: Common, task: Task) -> None:
    """Snooze a job whose item Plex does not have yet; give it up after a day."""
    reason = task.lookup.reason or Reason.NOT_FOUND
    if reason in skipped.REASONS:
        task.end(Verdict.SKIPPED, reason)
        return
    if reason != Reason.NOT_FOUND:
        task.fail(reason)
        return
    job, now = task.job, common.clock.steady()
    since = now if job.missed_since is None else job.missed_since
    if now - since >= common.retry.missing_for:
        task.fail(reason)
        return
    task.missed = True
    task.snooze(reason, common.retry.missing.delay(job.misses, common.random))


def snooze_for_missing_part(common: Common, task: Task) -> bool:
    """Snooze a job that is done but for a part that could not be had.

    That part is a picture, or the collections. Return whether there is one; if not, the
    job goes on.
    """
    fault = task.pictures.fault or task.lookup.waits
    if fault is not None:
        snooze_or_fail(common, task, fault)
    return fault is not None


def keeps_changing(common: Common, task: Task) -> None:
    """Snooze a job whose item others are editing at this moment."""
    task.snooze(Reason.CHANGING, common.retry.transient.delay(0, common.random))


def unforeseen(common: Common, task: Task, error: Exception) -> None:
    """Let a bug of ours cost this job an attempt, and log where the bug is."""
    tell(error)
    retry, attempts = common.retry, task.job.attempts
    if attempts + 1 >= retry.attempts:
        task.fail(Reason.UNFORESEEN)
        return
    task.attempt = True
    task.snooze(Reason.UNFORESEEN, retry.transient.delay(attempts, common.random))
