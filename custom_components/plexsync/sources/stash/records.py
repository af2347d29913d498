"""Turn scenes into records, and count those that are not sent."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...engine.model.record import Record
from .mapping import PathMap, StashOptions, make_record, why_skipped
from .walk import ScenePage

BREATH = 20  # scenes that are turned into records before the event loop may run


class Records:
    """Create the records of a Stash.

    ``skipped`` counts, by reason, the scenes that were read but not sent.
    """

    def __init__(self, source: str, to_plex: PathMap, options: StashOptions) -> None:
        """Take what is needed to create records; ``source`` is the id of their source."""
        self._source = source
        self._to_plex = to_plex
        self._options = options
        self.skipped: Counter[str] = Counter()

    def make(
        self, scene: Mapping[str, Any], read_at: datetime | None = None
    ) -> tuple[Record, str | None] | None:
        """Return the record of a scene, and why it is not sent, None if it is.

        Return None for a scene whose shape cannot be understood. ``read_at`` is the
        server's clock at the time.
        """
        try:
            record = make_record(
                scene, self._source, self._to_plex, self._options, read_at
            )
            return record, why_skipped(scene, record, self._options)
        except AttributeError, KeyError, TypeError, ValueError:
            # A scene of an unexpected shape must not stop all others.
            self.skipped["invalid"] += 1
            return None

    async def to_send(
        self, page: ScenePage
    ) -> tuple[tuple[Record, ...], tuple[str, ...]]:
        """Return the records of a page that are sent, and the keys of the others."""
        records, withheld = [], []
        for index, scene in enumerate(page.scenes):
            if index % BREATH == 0:  # also at the start: the page was just unpacked
                await asyncio.sleep(0)
            if (made := self.make(scene, page.date)) is None:
                continue
            record, reason = made
            if reason:
                self.skipped[reason] += 1
                withheld.append(record.key)
            else:
                records.append(record)
        return tuple(records), tuple(withheld)
