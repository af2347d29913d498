"""The books of a series of kills: promises, edits, items, and what each kill has left."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from proofs.promises import Order, Promises, Revisions
from proofs.records import revisions_of_edit, revisions_of_item

from .figures import Figures
from .inquest import Findings


class Books:
    """What was promised, and what the edits and the items that were seen show of it."""

    def __init__(self, figures: Figures, *promises: Promises) -> None:
        """Take where findings go, and who promises what."""
        self.figures = figures
        self.promises = promises
        self._asked = Order(figures.older)  # by the edits that were sent
        self._shown = Order(figures.older)  # by what the items hold
        self._taken: dict[str, dict[str, int]] = {}  # what was in a job once

    def see(
        self,
        edits: Collection[Iterable[tuple[str, str]]],
        items: Iterable[Mapping[str, Any]],
    ) -> None:
        """Take in the edits that Plex was sent, and what it shows."""
        self.figures.edits += len(edits)
        for query in edits:
            query = list(query)
            self._asked.see(dict(query)["id"], revisions_of_edit(query))
        for item in items:
            self._shown.see(str(item["ratingKey"]), revisions_of_item(item))

    def look(self, found: Findings, done: Revisions) -> None:
        """Compare what a killed process has left on disk; ``done`` is waited for no more."""
        figures = self.figures
        figures.damaged.looked += 1
        if found.integrity != "ok":
            figures.damaged.found.append(found.integrity)
        figures.lost.found += [
            f"{lost} on disk after kill {figures.kills}"
            for lost in self.lost(found.waiting, done)
        ]
        figures.lost.found += [
            f"{key} failed without a reason"
            for key, reason in found.failed.items()
            if not reason
        ]

    def lost(self, waiting: Revisions, done: Revisions) -> Iterator[str]:
        """Give what was promised, or was in a job once, and is nowhere now."""
        for promises in self.promises:
            yield from promises.lost_on_disk(waiting, done)
        for key, taken in self._taken.items():
            on_disk = (waiting.get(key, {}), done.get(key, {}))
            for name, revision in taken.items():
                if max(fields.get(name, 0) for fields in on_disk) < revision:
                    yield f"{key} {name} {revision}, from a job"
        for key, fields in waiting.items():
            self._taken.setdefault(key, {}).update(fields)

    def missing(
        self, items: Iterable[Mapping[str, Any]], spare: Collection[str]
    ) -> list[str]:
        """Give the promises that Plex does not show whole; ``spare`` names keys left out."""
        by_path = {item["files"][0]: item for item in items if item["files"]}
        return [
            f"{lost} in Plex"
            for promises in self.promises
            for lost in promises.lost_in_plex(by_path, spare)
        ]

    def end(self) -> None:
        """Count the promises."""
        for promises in self.promises:
            self.figures.lost.looked += promises.answered
            self.figures.unanswered += promises.unanswered
