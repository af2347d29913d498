"""The options of a Stash source: what to sync."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from ...engine.jobs.gone_records import WhenGone
from .title import is_template

FIELDS = frozenset(
    {
        "title",
        "summary",
        "date",
        "user_rating",
        "studio",
        "collections",
        "actors",
        "genres",
        "directors",
    }
)
ALL_FIELDS = FIELDS | {"labels"}
CODE_FIELDS = frozenset({"original_title", "sort_title", "tagline"})
ROLES = ("disambiguation", "alias")
GENDERS = (
    "female",
    "male",
    "transgender_female",
    "transgender_male",
    "intersex",
    "non_binary",
)
# The owner typed the values of these options, so diagnostics leave them out.
PRIVATE = frozenset(
    {
        "title_template",
        "content_rating",
        "tags_below",
        "tags_without",
        "with_tags",
        "without_tags",
        "only_studios",
        "without_studios",
    }
)
MAX_TEXT = 200  # characters of a text or a name at most
MAX_NAMES = 100  # names in a list at most
MAX_RATING = 10.0


@dataclass(frozen=True, slots=True)
class StashOptions:
    """What to sync from Stash; ``docs/stash.md`` explains each option.

    ``fields`` are the enabled fields of ``ALL_FIELDS``; ``code_to`` is the field for a
    scene's studio code, one of ``CODE_FIELDS``; ``role`` is what Plex shows as the role of
    a performer, one of ``ROLES``; ``gender``, one of ``GENDERS``, is the gender of the
    performers that come first, or alone. Names of tags and studios are case-insensitive.
    Fields in ``fill_only``, which may be pictures, are only written if Plex has no value.
    """

    fields: frozenset[str] = FIELDS
    poster: bool = True
    background: bool = False
    title_template: str = ""
    content_rating: str = ""
    code_to: str | None = None
    gender: str | None = None
    gender_only: bool = False
    role: str | None = None
    tag_collections: bool = False
    tags_below: str = ""
    tags_without: tuple[str, ...] = ()
    tag_parents: bool = False
    studio_collection: bool = False
    network_collection: bool = False
    organized_only: bool = False
    with_tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    only_studios: tuple[str, ...] = ()
    without_studios: tuple[str, ...] = ()
    min_rating: float = 0.0  # 0 to 10; with 0, scenes need no rating
    scan_new: bool = False  # let Plex scan the folder of a file that it lacks
    when_gone: str = WhenGone.LEAVE  # what happens to the items of a scene that is gone
    fill_only: frozenset[str] = frozenset()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create the options from plain data; missing or invalid values get their defaults."""
        taken: dict[str, Any] = {}
        for field in fields(cls):
            value = data.get(field.name)
            if field.type is bool and isinstance(value, bool):
                taken[field.name] = value
            elif field.type is str and isinstance(value, str):
                taken[field.name] = value.strip()[:MAX_TEXT]
            elif field.default == () and isinstance(value, list | tuple):
                taken[field.name] = _listed(value)
        if not is_template(taken.get("title_template", "")):
            del taken["title_template"]
        role = data.get("role")
        if "role" not in data and data.get("disambiguation_as_role") is True:
            role = "disambiguation"  # stored as True before there were several choices
        when_gone = taken.pop("when_gone", WhenGone.LEAVE)
        if when_gone not in WhenGone:
            when_gone = WhenGone.LEAVE
        return cls(
            **taken,
            fields=ALL_FIELDS & _names_in(data, "fields", FIELDS),
            fill_only=_names_in(data, "fill_only", frozenset()),
            code_to=_one_of(CODE_FIELDS, data.get("code_to")),
            gender=_one_of(GENDERS, data.get("gender")),
            role=_one_of(ROLES, role),
            min_rating=_rating(data.get("min_rating")),
            when_gone=when_gone,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the options as plain data for JSON."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in data.items()
        } | {"fields": sorted(self.fields), "fill_only": sorted(self.fill_only)}

    @property
    def tags_wanted(self) -> bool:
        """Return whether tags appear in records, or decide whether scenes are sent."""
        return bool(
            not self.fields.isdisjoint({"genres", "labels"})
            or self.tag_collections
            or self.with_tags
            or self.without_tags
        )

    @property
    def relatives_wanted(self) -> bool:
        """Return whether the parents of tags are needed."""
        return self.tags_wanted and bool(self.tags_below or self.tag_parents)

    @property
    def network_wanted(self) -> bool:
        """Return whether the parents of studios are needed."""
        return bool(
            self.network_collection or self.only_studios or self.without_studios
        )

    @property
    def studios_wanted(self) -> bool:
        """Return whether studios appear in records, or decide whether scenes are sent."""
        return (
            "studio" in self.fields
            or self.studio_collection
            or self.network_wanted
            or self._in_title("studio")
        )

    @property
    def performers_wanted(self) -> bool:
        """Return whether performers appear in records."""
        return "actors" in self.fields or self._in_title("performers")

    def _in_title(self, name: str) -> bool:
        return "title" in self.fields and f"{{{name}}}" in self.title_template


def _names_in(
    data: Mapping[str, Any], name: str, default: frozenset[str]
) -> frozenset[str]:
    names = data.get(name)
    if not isinstance(names, list | tuple | set | frozenset):
        return default
    return frozenset(each for each in names if isinstance(each, str))


def _listed(names: list[Any] | tuple[Any, ...]) -> tuple[str, ...]:
    texts = (name.strip()[:MAX_TEXT] for name in names if isinstance(name, str))
    return tuple(dict.fromkeys(filter(None, texts)))[:MAX_NAMES]


def _one_of(choices: frozenset[str] | tuple[str, ...], value: Any) -> str | None:
    return value if isinstance(value, str) and value in choices else None


def _rating(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= MAX_RATING else 0.0
