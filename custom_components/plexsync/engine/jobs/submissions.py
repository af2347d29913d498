"""Records come in as jobs, and go with their source.

Every function is one step of a transaction under way (``Database.run``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection

from ..database import stats
from ..ledger import ledger_sources, left_alone, settled
from ..model.record import Record
from ..plan import approvals
from . import dropping, gone_records, intake, source_holds
from .job import Priority

_IDENTITY = "identity:"  # begins the notes that tell what each source is


@dataclass(frozen=True, slots=True)
class Receipt:
    """What submitting one record did; it is on disk.

    ``job`` is None for a record that is equal to what was brought into line last;
    ``kept`` are then the fields that were left alone, and why.
    """

    job: int | None
    kept: Mapping[str, str] = field(default_factory=dict)


def take_in(
    db: Connection,
    records: Sequence[Record],
    priority: Priority,
    now: float,
    cursor: tuple[str, str] | None = None,
    withheld: Sequence[str] = (),
) -> list[Receipt]:
    """Accept records, and note where their source was read up to.

    What waits of records that are withheld goes: their source does not want it.
    """
    jobs = [intake.enqueue(db, record, priority, now) for record in records]
    if cursor is not None:
        source, place = cursor
        dropping.withhold(db, source, withheld, now)
        stats.keep(db, f"cursor:{source}", place)
        # What a source repeats by itself is no news of the item: it is not counted.
        return [Receipt(job) for job in jobs]
    if same := jobs.count(None):
        stats.count(db, "unchanged", same)
    return [
        Receipt(job)
        if job is not None
        else Receipt(None, settled.kept_of(db, record.source, record.key))
        for record, job in zip(records, jobs, strict=True)
    ]


def recognise(db: Connection, source: str, identity: str, *, read_again: bool) -> None:
    """Let a source that was removed, and added again, go on with what it wrote.

    ``identity`` tells what it is, whatever its name: a digest of its address. If that is
    another one, with ``read_again`` all of it is read again: what answers there may never
    have said what was read.
    """
    known = stats.setting(db, f"{_IDENTITY}{source}")
    if read_again and known not in (None, identity):
        stats.keep(db, f"cursor:{source}", None)
    there = {*ledger_sources.in_order(db)} - {source}
    for name in sorted(stats.named(db, _IDENTITY, identity)):
        if (removed := name.removeprefix(_IDENTITY)) not in there:
            ledger_sources.take_back(db, removed, source)
            left_alone.follow(db, removed, source)
            stats.keep(db, name, None)
    stats.keep(db, f"{_IDENTITY}{source}", identity)


def remove_source(db: Connection, source: str, now: float) -> int:
    """Discard a source's jobs and release its ownership; return how many jobs."""
    ledger_sources.remove(db, source)
    gone_records.forget_source(db, source)
    source_holds.forget_source(db, source)
    approvals.forget_source(db, source)
    for mark in ("cursor", "planned", "settings", "retry"):
        stats.keep(db, f"{mark}:{source}", None)
    return dropping.discard_source(db, source, now)
