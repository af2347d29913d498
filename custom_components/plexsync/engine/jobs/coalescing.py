"""What waits to be written for one record, and how a newer record joins it field by field.

From an action the newest of each field wins; a mirror's record is its source's whole
view, and replaces what waits. Nothing here touches a database.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from ..model.fields import FIELDS, Kind
from ..model.record import Find, Record, fields_from_json, find_from_json, find_to_json
from ..model.revisions import WHOLE, Packed, Revisions, newest, older, pack
from ..util.json_text import dump, load

COLUMNS = (
    "find, fields, revision, identified, mirror, fill_only, files"  # of a job's row
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a job has to bring into line, whichever records said so."""

    find: Find
    fields: Packed
    revision: int | None
    identified: bool
    mirror: bool
    fill_only: frozenset[str]
    files: tuple[str, ...]

    @classmethod
    def of(cls, record: Record) -> Self:
        """Let a record wait."""
        return cls(
            record.find,
            pack(record),
            record.revision,
            record.identified,
            record.mirror,
            record.fill_only,
            record.files,
        )

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Self:
        """Build it from the values of ``COLUMNS``."""
        find, fields, revision, identified, mirror, fill_only, files = row
        return cls(
            find_from_json(find),
            load(fields),
            revision,
            bool(identified),
            bool(mirror),
            frozenset(load(fill_only)),
            tuple(load(files)),
        )

    def row(self) -> tuple[Any, ...]:
        """Return the values of ``COLUMNS``."""
        return (
            find_to_json(self.find),
            dump(self.fields),
            self.revision,
            self.identified,
            self.mirror,
            dump(sorted(self.fill_only)),
            dump(self.files),
        )

    def record(self, source: str, key: str) -> Record:
        """Return it as one record."""
        values = {name: value for name, (_, value) in self.fields.items()}
        return Record(
            source=source,
            key=key,
            find=self.find,
            fields=fields_from_json(values),
            revision=self.revision,
            identified=self.identified,
            mirror=self.mirror,
            fill_only=self.fill_only,
            files=self.files,
        )

    def revisions(self) -> Revisions:
        """Return the revision of each field, and of the newest whole view."""
        return {name: pair[0] for name, pair in self.fields.items()}

    def differs_in_marks(self, other: Self) -> bool:
        """Return whether both are one revision, but for the marks of pictures at most."""
        revisions = self.revisions()
        return (
            None not in revisions.values()
            and revisions == other.revisions()
            and self.content(marks=False) == other.content(marks=False)
        )

    def content(self, *, marks: bool = True) -> tuple[Any, ...]:
        """Return what is asked for; without ``marks`` whichever picture is there."""
        values = {
            name: pair[1] if marks or not _is_picture(name, pair[1]) else pair[1]["ref"]
            for name, pair in self.fields.items()
        }
        return self.find, values, self.identified, self.mirror, self.fill_only


def _is_picture(name: str, value: Any) -> bool:
    return bool(value) and name in FIELDS and FIELDS[name].kind is Kind.IMAGE


def merge(waiting: Waiting, record: Record, written: Revisions) -> Waiting:
    """Merge a record into what waits; one that comes too late changes nothing.

    ``written`` has the revision of each field that was brought into line before.
    """
    if too_late(record, waiting.fields, written):
        return waiting
    fields = _merge_fields(waiting.fields, record, written)
    if older(record.revision, waiting.revision):
        return replace(waiting, fields=fields)
    return replace(Waiting.of(record), fields=fields)


def too_late(record: Record, waiting: Packed, written: Revisions) -> bool:
    """Return whether a newer whole view than this one waits or was written."""
    waits = waiting[WHOLE][0] if WHOLE in waiting else None
    return record.mirror and older(record.revision, newest(waits, written.get(WHOLE)))


def _merge_fields(waiting: Packed, record: Record, written: Revisions) -> Packed:
    """Merge the fields of a record into those that wait: the newest of each wins."""
    merged = dict(waiting)
    for name, (revision, value) in pack(drop_older(record, written)).items():
        known = waiting[name][0] if name in waiting else None
        if not older(revision, known):
            merged[name] = [newest(revision, known), value]
    if not record.mirror:
        return merged
    # What a whole view lacks is not wanted any more, unless something newer wants it.
    return {
        name: pair
        for name, pair in merged.items()
        if name in record.fields or name == WHOLE or older(record.revision, pair[0])
    }


def drop_older(record: Record, written: Revisions) -> Record:
    """Leave out the fields of which something newer was written."""
    fields = {
        name: value
        for name, value in record.fields.items()
        if not older(record.revision, written.get(name))
    }
    return (
        record if len(fields) == len(record.fields) else replace(record, fields=fields)
    )
