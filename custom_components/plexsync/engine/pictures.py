"""Fetch what records name as pictures, as rarely and as little as possible."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
import hashlib

from . import ledger
from .database import Database
from .fields import FIELDS, Kind
from .ports import Images
from .queue import Job
from .record import Image, Record
from .retry import Fault
from .together import together

AT_ONCE = 4
IN_MEMORY = 32 * 1024 * 1024  # bytes of pictures that one batch keeps


@dataclass(slots=True)
class Pictures:
    """The pictures of one record: digests, and bytes where they were at hand.

    ``fault`` is why one could not be had; the others still count.
    """

    digests: dict[str, str] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    changed: bool = False
    fault: Fault | None = None


def wanted(record: Record) -> dict[str, Image]:
    """Give the image fields of a record that name a picture."""
    return {
        name: value
        for name, value in record.fields.items()
        if FIELDS[name].kind is Kind.IMAGE and isinstance(value, Image)
    }


async def fetch_all(
    database: Database, images: Images, jobs: Sequence[Job]
) -> dict[int, Pictures]:
    """Fetch the pictures of many jobs; give them by job id. Raises nothing of its own."""
    found = {job.id: Pictures() for job in jobs}
    limit = asyncio.Semaphore(AT_ONCE)
    kept = 0

    async def fetch(job: Job, name: str, image: Image) -> None:
        nonlocal kept
        mine = found[job.id]
        async with limit:
            try:
                digest, data, fresh = await _fetch(
                    database, images, job.record.source, image
                )
            except Fault as fault:
                mine.fault = fault
                return
        mine.changed = mine.changed or fresh
        if digest is not None:
            mine.digests[name] = digest
        if data is not None and kept + len(data) <= IN_MEMORY:
            kept += len(data)
            mine.data[name] = data

    await together(
        fetch(job, name, image)
        for job in jobs
        for name, image in wanted(job.record).items()
    )
    return found


async def _fetch(
    database: Database, images: Images, source: str, image: Image
) -> tuple[str | None, bytes | None, bool]:
    """Give digest, bytes (None where unchanged) and whether it is a new picture."""
    known = await database.run(lambda db: ledger.picture(db, source, image.ref))
    if known is not None and image.mark and known.mark == image.mark:
        return known.digest, None, False
    answer = await images.fetch(source, image, known.tag if known else None)
    if answer.unchanged and known is not None:
        digest, data, tag = known.digest, None, known.tag
    elif answer.data is None:
        return None, None, False  # the source has no picture
    else:
        data, tag = answer.data, answer.tag
        digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    note = ledger.Picture(tag, digest, image.mark)
    await database.run(
        lambda db: ledger.keep_picture(db, source, image.ref, note), durable=False
    )
    return digest, data, known is None or known.digest != digest


async def load(images: Images, source: str, image: Image) -> bytes | None:
    """Fetch the bytes of a picture of which only the digest is at hand."""
    return (await images.fetch(source, image, None)).data
