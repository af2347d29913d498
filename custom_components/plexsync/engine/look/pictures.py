"""Fetch what records name as pictures, as rarely and as little as possible."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
import hashlib
import re
from sqlite3 import Connection

from ..calls.bulkheads import fault_of
from ..jobs.job import Job
from ..ledger import known_pictures
from ..ledger.known_pictures import KnownPicture
from ..model.faults import Fault, FaultClass
from ..model.ports import FetchedImage
from ..model.reasons import Reason
from ..model.record import Image, Record
from ..util.concurrency import run_all
from ..util.unforeseen import tell
from .common import Common

AT_ONCE = 4
IN_MEMORY = 32 * 1024 * 1024  # bytes of pictures that one batch keeps
_END_OF_HOST = re.compile(r"[/?#]")


@dataclass(slots=True)
class Pictures:
    """The pictures of one record: digests, and bytes where they were at hand.

    ``fault`` is why one could not be had; the others still count. ``later`` says
    that there was no room for them now.
    """

    digests: dict[str, str] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    changed: bool = False
    fault: Fault | None = None
    later: bool = False


def known_digests(db: Connection, record: Record) -> dict[str, str]:
    """Return the digests of the record's pictures that were fetched before."""
    return {name: known.digest for name, known in _known(db, record).items()}


def _known(db: Connection, record: Record) -> dict[str, KnownPicture]:
    return {
        name: known
        for name, image in record.pictures.items()
        if (known := known_pictures.find(db, record.source, image.ref))
    }


async def fetch_all(common: Common, jobs: Sequence[Job]) -> dict[int, Pictures]:
    """Fetch the pictures of many jobs; return them by job id. Raises StorageError only.

    What one turn holds in memory is bounded: jobs for whose pictures there is no room
    come later, so that nothing is fetched twice.
    """
    found = {job.id: Pictures() for job in jobs}
    known = await common.database.run(
        lambda db: {job.id: _known(db, job.record) for job in jobs}, durable=False
    )
    limit = asyncio.Semaphore(AT_ONCE)
    kept = 0

    async def fetch(job: Job) -> None:
        nonlocal kept
        mine, before = found[job.id], known[job.id]
        for name, image in job.record.pictures.items():
            async with limit:
                if kept >= IN_MEMORY:
                    mine.later = True
                    return
                try:
                    now, data = await _fetch(common, job, image, before.get(name))
                except Fault as fault:
                    mine.fault = fault
                    continue
                kept += len(data or b"")
            if now is not None:
                mine.digests[name] = now.digest
                if name not in before or before[name].digest != now.digest:
                    mine.changed = True
            if data is not None:
                mine.data[name] = data

    await run_all(fetch(job) for job in jobs)
    return found


async def _fetch(
    common: Common, job: Job, image: Image, known: KnownPicture | None
) -> tuple[KnownPicture | None, bytes | None]:
    """Return what is known of a picture now, and its bytes: None where it is unchanged."""
    if known is not None and image.mark and known.mark == image.mark:
        return known, None
    answer = await _ask(common, job.record, image, known.tag if known else None)
    if answer.unchanged and known is not None:
        now = replace(known, mark=image.mark)
    elif answer.data is None:
        return None, None  # the source has no picture
    else:
        now = KnownPicture(answer.tag, _digest(answer.data), image.mark)

    def keep(db: Connection) -> None:
        # A job that has gone was about another film: its key was used again.
        if db.execute("SELECT 1 FROM job WHERE id = ?", (job.id,)).fetchone():
            known_pictures.keep(db, job.record.source, image.ref, now)

    await common.database.run(keep, durable=False)
    return now, answer.data


async def load(
    common: Common, record: Record, image: Image, digest: str
) -> bytes | None:
    """Fetch the bytes of a picture of which only the digest is at hand. Raises Fault.

    None if there is another picture by now, which has to be planned first.
    """
    answer = await _ask(common, record, image, None)
    if answer.data is None:
        raise Fault(FaultClass.ITEM, Reason.IMAGE_MISSING)
    if _digest(answer.data) == digest:
        return answer.data
    await common.database.run(
        lambda db: known_pictures.forget(db, record.source, image.ref), durable=False
    )
    return None


def _digest(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _kind(source: str, image: Image) -> str:
    """Name what has to answer: a source, or the host of an address that an action names."""
    scheme, _, rest = image.ref.partition("://")
    if scheme not in ("http", "https"):
        return f"source:{source}"
    host = _END_OF_HOST.split(rest, maxsplit=1)[0]
    return f"address:{host.rpartition('@')[2]}"  # no password


async def _ask(
    common: Common, record: Record, image: Image, known: str | None
) -> FetchedImage:
    """Ask a source for a picture, unless it is away. Raises Fault."""
    source, bulkheads = record.source, common.bulkheads
    kind = _kind(source, image)
    if not bulkheads.admit(kind, common.clock.monotonic()):
        raise fault_of(kind)
    try:
        answer = await common.images.fetch(source, image, known, record.files)
    except Fault as fault:
        if fault.kind is not FaultClass.SOURCE:
            bulkheads.worked(kind)  # it answered
            raise
        now, wait = common.clock.monotonic(), fault.retry_after or 0.0
        bulkheads.failed(kind, source, now, wait=wait)
        raise fault_of(kind) from None
    except Exception as error:  # noqa: BLE001  # costs this job alone
        tell(error)
        raise Fault(FaultClass.ITEM, Reason.UNFORESEEN) from None
    bulkheads.worked(kind)
    return answer
