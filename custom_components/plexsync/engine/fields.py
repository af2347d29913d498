"""The fields that a record can carry, and what kind of value each one holds."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The shapes a field value can have."""

    TEXT = "text"  # one line
    PROSE = "prose"  # text that keeps its newlines and runs of blanks
    DATE = "date"  # YYYY-MM-DD
    RATING = "rating"  # 0.0 to 10.0
    TAGS = "tags"  # a set of names whose members have an owner
    CAST = "cast"  # a list of actors with roles, members owned by name
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its public name, its kind, and whether it names the item."""

    name: str
    kind: Kind
    identity: bool = False

    @property
    def is_list(self) -> bool:
        """Return whether members, not the whole, have an owner."""
        return self.kind is Kind.TAGS or self.kind is Kind.CAST


SORT_TITLE = "sort_title"

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("title", Kind.TEXT, identity=True),
        Field("sort_title", Kind.TEXT),
        Field("original_title", Kind.TEXT),
        Field("summary", Kind.PROSE),
        Field("tagline", Kind.TEXT),
        Field("studio", Kind.TEXT),
        Field("content_rating", Kind.TEXT),
        Field("date", Kind.DATE),
        Field("user_rating", Kind.RATING),
        Field("genres", Kind.TAGS),
        Field("labels", Kind.TAGS),
        Field("collections", Kind.TAGS),
        Field("directors", Kind.TAGS),
        Field("writers", Kind.TAGS),
        Field("actors", Kind.CAST),
        Field("poster", Kind.IMAGE),
        Field("background", Kind.IMAGE),
    )
}
