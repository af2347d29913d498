"""What was asked of a Home Assistant, by edits in Stash and by action, and what became of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any

from proofs.kill9.inquest import copied, integrity
from proofs.kill9.stream import (
    Order,
    Promises,
    revisions_of_edit,
    revisions_of_item,
    revisions_of_values,
)

from .figures import Figures

# Each has fields of its own: which of two sources came last is nobody's promise.
BY_STASH = ("title", "summary", "genres")
BY_ACTION = ("sort_title", "original_title")

type Item = Mapping[str, Any]


@dataclass(slots=True)
class Remains:
    """A database as the next start will find it."""

    integrity: str = "ok"
    jobs: dict[str, dict[str, int]] = field(default_factory=dict)  # key → field → rev
    failed: dict[str, str | None] = field(default_factory=dict)  # key → reason


def examine(database: Path, folder: Path) -> Remains:
    """Look at a copy of the database and its log."""
    with copied(database, folder) as db:
        remains = Remains(integrity(db))
        if remains.integrity != "ok":
            return remains
        for key, fields, failed, reason in db.execute(
            "SELECT key, fields, failed, reason FROM job"
        ):
            values = {name: pair[1] for name, pair in json.loads(fields).items()}
            remains.jobs[key] = revisions_of_values(values)
            if failed:
                remains.failed[key] = reason
    return remains


class Books:
    """Every value names its revision, so that what is there tells what is missing."""

    def __init__(self, figures: Figures, seed: int, scenes: Mapping[str, str]) -> None:
        """Take the file, as Plex names it, of each record key of the Stash."""
        self.edits = Promises(seed, scenes, BY_STASH)
        self.actions = Promises(
            seed, {path: path for path in scenes.values()}, BY_ACTION
        )
        self._asked = Order(figures.older)  # by the edits that were sent
        self._shown = Order(figures.older)  # by what the items hold
        self._taken: dict[str, dict[str, int]] = {}  # what was in a job once

    def see_edits(self, queries: Collection[Sequence[tuple[str, str]]]) -> None:
        """Take in the edits that Plex was sent."""
        for query in queries:
            self._asked.see(dict(query)["id"], revisions_of_edit(query))

    def see_items(self, items: Iterable[Item]) -> None:
        """Take in what Plex shows."""
        for item in items:
            self._shown.see(str(item["ratingKey"]), revisions_of_item(item))

    def lost(self, remains: Remains, items: Iterable[Item]) -> Iterator[str]:
        """Give what was promised, or was in a job once, and is in no job nor in Plex."""
        stands = {item["files"][0]: revisions_of_item(item) for item in items}
        for promises in (self.edits, self.actions):
            shown = {key: stands[known.path] for key, known in promises.keys.items()}
            yield from promises.lost_on_disk(remains.jobs, shown)
            for key, there in shown.items():
                job = remains.jobs.get(key, {})
                taken = self._taken.setdefault(key, {})
                for name, revision in taken.items():
                    if max(job.get(name, 0), there.get(name, 0)) < revision:
                        yield f"{key} {name} {revision}, from a job"
                taken |= job

    def settle(self) -> None:
        """Count everything that stands in Stash as promised; there will be no more."""
        for key, known in self.edits.keys.items():
            for revision in known.submitted:
                self.edits.answer(key, revision)

    def missing(self, items: Iterable[Item], spare: Collection[str]) -> list[str]:
        """Give the promises that Plex does not show whole; ``spare`` names keys left out."""
        by_path = {item["files"][0]: item for item in items}
        return [
            f"{trouble} in Plex"
            for promises in (self.edits, self.actions)
            for trouble in promises.lost_in_plex(by_path, spare)
        ]
