"""Which revision each field of a record has: the order in which its source said things."""

from typing import Any

from .fields import FIELDS
from .record import Record, value_to_json

type Packed = dict[str, list[Any]]  # {field: [revision, value]}
type Revisions = dict[str, int | None]

# Beside the fields: the newest whole view, which also says what is not wanted any more.
WHOLE = ""
_LETTERS = {WHOLE: "*"} | {name: field.letter for name, field in FIELDS.items()}
_NAMES = {letter: name for name, letter in _LETTERS.items()}


def pack(record: Record) -> Packed:
    """Pair each field with its revision."""
    packed = {
        name: [record.revision, value_to_json(value)]
        for name, value in record.fields.items()
    }
    return packed | {WHOLE: [record.revision, None]} if record.mirror else packed


def revisions_to_text(revisions: Revisions) -> str:
    """Write revisions in few letters: ``1700:*ab 1600:c`` has three fields and the whole.

    Fields that this version does not know are dropped.
    """
    letters: dict[int | None, str] = {}
    for name, revision in revisions.items():
        letters[revision] = letters.get(revision, "") + _LETTERS.get(name, "")
    return " ".join(
        f"{'' if revision is None else revision}:{those}"
        for revision, those in letters.items()
    )


def revisions_from_text(text: str) -> Revisions:
    """Read what ``revisions_to_text`` wrote; a later version may know more fields."""
    revisions: Revisions = {}
    for group in text.split():
        revision, _, letters = group.partition(":")
        number = int(revision) if revision else None
        revisions |= {_NAMES[each]: number for each in letters if each in _NAMES}
    return revisions


def older(revision: int | None, than: int | None) -> bool:
    """Compare by the source's own order; where it has none, arrival decides."""
    return revision is not None and than is not None and revision < than


def newest(revision: int | None, known: int | None) -> int | None:
    """Return the greater one: news without a revision do not let older ones in again."""
    return max((r for r in (revision, known) if r is not None), default=None)
