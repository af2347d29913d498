"""Make records of scenes, and count those that are not sent."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..engine.record import Record
from .stash_mapping import PathMap, StashOptions, make_record, why_skipped
from .stash_walk import ScenePage

BREATH = 20  # scenes made into records before the event loop gets its turn


class Records:
    """Make the records of one Stash.

    ``skipped`` counts, by reason, the scenes that were read but not sent.
    """

    def __init__(self, source: str, to_plex: PathMap, options: StashOptions) -> None:
        """Take what the records are made with; ``source`` is their source's id."""
        self._source = source
        self._to_plex = to_plex
        self._options = options
        self.skipped: Counter[str] = Counter()

    def make(
        self, scene: Mapping[str, Any], read_at: datetime | None = None
    ) -> Record | None:
        """Return the record of a scene, or None if its shape cannot be understood.

        ``read_at`` is the server's clock at the time.
        """
        try:
            return make_record(
                scene, self._source, self._to_plex, self._options, read_at
            )
        except AttributeError, KeyError, TypeError, ValueError:
            # One scene of a shape that nobody foresaw must not stop all others.
            self.skipped["invalid"] += 1
            return None

    def why_not(self, scene: Mapping[str, Any], record: Record) -> str | None:
        """Say why a record is not to be sent; None if it is."""
        return why_skipped(scene, record, self._options)

    async def to_send(
        self, page: ScenePage, sent: set[int] | None
    ) -> tuple[tuple[Record, ...], tuple[str, ...]]:
        """Return the records of a page that are to be sent, and the keys of the others.

        ``sent`` holds the ids of the scenes that this poll has sent already; they
        are left out, and the new ones added.
        """
        records, withheld = [], []
        for index, scene in enumerate(page.scenes):
            if index % BREATH == 0:  # the page itself was only just unpacked
                await asyncio.sleep(0)
            if sent is not None:
                if (number := int(scene["id"])) in sent:
                    continue
                sent.add(number)
            if (record := self.make(scene, page.date)) is None:
                continue
            if reason := self.why_not(scene, record):
                self.skipped[reason] += 1
                withheld.append(record.key)
            else:
                records.append(record)
        return tuple(records), tuple(withheld)
