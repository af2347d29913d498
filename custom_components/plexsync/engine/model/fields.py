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
    """One field: its public name, its kind, and whether it names the item.

    The ``letter`` is how the database names it for short: no other field may ever have it.
    """

    name: str
    kind: Kind
    letter: str
    identity: bool = False

    @property
    def is_list(self) -> bool:
        """Return whether members, not the whole, have an owner."""
        return self.kind is Kind.TAGS or self.kind is Kind.CAST


SORT_TITLE = "sort_title"

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("title", Kind.TEXT, "a", identity=True),
        Field("sort_title", Kind.TEXT, "b"),
        Field("original_title", Kind.TEXT, "c"),
        Field("summary", Kind.PROSE, "d"),
        Field("tagline", Kind.TEXT, "e"),
        Field("studio", Kind.TEXT, "f"),
        Field("content_rating", Kind.TEXT, "g"),
        Field("date", Kind.DATE, "h"),
        Field("user_rating", Kind.RATING, "i"),
        Field("genres", Kind.TAGS, "j"),
        Field("labels", Kind.TAGS, "k"),
        Field("collections", Kind.TAGS, "l"),
        Field("directors", Kind.TAGS, "m"),
        Field("writers", Kind.TAGS, "n"),
        Field("actors", Kind.CAST, "o"),
        Field("poster", Kind.IMAGE, "p"),
        Field("background", Kind.IMAGE, "q"),
    )
}
