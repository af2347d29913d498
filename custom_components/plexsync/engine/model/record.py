"""What a source says of one media item.

A field value is three-state: *absent* (the key is missing: leave it alone),
*clear* (the value is ``None``), or *set to v*.
"""

from collections.abc import Callable, Iterable, Mapping
import contextlib
from dataclasses import dataclass, field
from datetime import date
import hashlib
import math
import re
from typing import Any

from ..util.json_text import canonical, dump, load
from .fields import FIELDS, Field, Kind

MAX_LINE = 1_000  # characters; longer lines are cut
MAX_PROSE = 10_000
MAX_TAG = 255
MAX_REF = 4_096  # of where a picture is
_FINGERPRINT = 16  # bytes of a digest
# What XML 1.0 cannot carry, and the C1 controls; tab and newline are handled apart.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
)


class InvalidRecordError(ValueError):
    """A record that cannot be accepted; ``code`` names the reason, ``field`` the place."""

    def __init__(self, code: str, field_name: str = "") -> None:
        """Keep the machine-readable reason; the value itself is private."""
        super().__init__(f"{code}: {field_name}" if field_name else code)
        self.code = code
        self.field = field_name


@dataclass(frozen=True, slots=True)
class Actor:
    """One member of a cast.

    A ``role`` of None is unsaid: whichever stands there stays. ``thumb`` is the
    portrait, which only Plex knows.
    """

    name: str
    role: str | None = None
    thumb: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that can be fetched.

    ``ref`` is what the source's fetcher understands; ``mark`` changes when the
    picture may have changed (it may change more often, never less).
    """

    ref: str
    mark: str = ""


type Value = str | float | tuple[str, ...] | tuple[Actor, ...] | Image
type Fields = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Find:
    """Ways to find the item, all as Plex sees them."""

    paths: tuple[str, ...] = ()
    guids: tuple[str, ...] = ()
    rating_key: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What one source says of one media item.

    ``revision`` is the source's own order (greater is newer), or ``None`` where
    only arrival tells. ``identified`` is False for a record that its source has
    not finished identifying; it never blanks a filled item. ``mirror`` says that
    the record is its source's whole view: emptiness then only takes back what we
    wrote, where an explicit clear takes all. ``fill_only`` names the fields that
    are written only where Plex has nothing. ``files`` are marks of its files, by which
    it is told from another record that was dealt the same key; a source that never
    deals a key again gives none. ``asked`` is when its source was asked for it, in
    ``Clock.steady`` seconds: what it says is no older than that.
    """

    source: str
    key: str
    find: Find
    fields: Fields
    revision: int | None = None
    identified: bool = True
    mirror: bool = False
    fill_only: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    asked: float | None = field(default=None, compare=False)

    @property
    def pictures(self) -> dict[str, Image]:
        """The pictures that it names, by field."""
        return {
            name: value
            for name, value in self.fields.items()
            if isinstance(value, Image)
        }

    @property
    def has_pictures(self) -> bool:
        """Whether it says anything of a picture."""
        return any(FIELDS[name].kind is Kind.IMAGE for name in self.fields)

    def fingerprint(self, *, images: bool = True) -> bytes:
        """Digest what would be written and where to: equal digests mean equal work."""
        return self._digest(images=images)[:_FINGERPRINT]

    def _digest(self, *, images: bool = True) -> bytes:
        fields = {
            name: value_to_json(value)
            for name, value in self.fields.items()
            if images or FIELDS[name].kind is not Kind.IMAGE
        }
        find, fill_only = _find_to_json(self.find), sorted(self.fill_only)
        said = [find, fields, self.identified, self.mirror, fill_only]
        return hashlib.sha256(canonical(said)).digest()

    def token(self) -> str:
        """Name this state of the record; any newer one has another name."""
        return self._digest().hex() if self.revision is None else str(self.revision)


def clean_text(value: str, *, prose: bool = False, limit: int | None = None) -> str:
    """Make text safe for XML and one line long, unless it is prose.

    Unprintable characters are dropped, and what exceeds the limit is cut. A line's
    white space is folded; prose keeps all that stands between its first and its last
    letter, blanks and newlines. Emoji and right-to-left text stay.
    """
    limit = limit or (MAX_PROSE if prose else MAX_LINE)
    value = _UNPRINTABLE.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    value = value.strip() if prose else " ".join(value.split())
    return value[:limit].rstrip()


def normalise(name: str, value: object) -> Value | None:
    """Turn a loose value into the field's own type; ``None`` and emptiness clear.

    Raises InvalidRecordError with the codes unknown_field, not_text, not_a_date,
    not_a_rating, rating_out_of_range, not_a_list, not_an_actor, not_an_image.
    """
    if (spec := FIELDS.get(name)) is None:
        raise InvalidRecordError("unknown_field", clean_text(name))
    if value is None:
        return None
    return _NORMALISERS[spec.kind](spec, value)


def _text(spec: Field, value: object) -> str | None:
    if not isinstance(value, str):
        raise InvalidRecordError("not_text", spec.name)
    return clean_text(value, prose=spec.kind is Kind.PROSE) or None


def _date(spec: Field, value: object) -> str | None:
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(text).isoformat()
            if day == text:  # no other form of ISO 8601
                return day
    raise InvalidRecordError("not_a_date", spec.name)


def _rating(spec: Field, value: object) -> float:
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        except ValueError:
            pass
    if math.isnan(number):
        raise InvalidRecordError("not_a_rating", spec.name)
    if not 0 <= number <= 10:
        raise InvalidRecordError("rating_out_of_range", spec.name)
    return round(number, 1)


def _members(spec: Field, value: object) -> Iterable[object]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise InvalidRecordError("not_a_list", spec.name)
    return value


def _tags(spec: Field, value: object) -> tuple[str, ...] | None:
    names: dict[str, None] = {}
    for member in _members(spec, value):
        if not isinstance(member, str):
            raise InvalidRecordError("not_text", spec.name)
        if name := clean_text(member, limit=MAX_TAG):
            names[name] = None
    return tuple(names) or None


def _cast(spec: Field, value: object) -> tuple[Actor, ...] | None:
    actors: dict[Actor, None] = {}
    for member in _members(spec, value):
        match member:
            case str():
                name, role = member, None
            case Actor():
                name, role = member.name, member.role
            case {"name": str(name), "role": (str() | None) as said, **odd} if not odd:
                role = said or ""
            case {"name": str(name), **odd} if not odd:
                role = None
            case _:
                raise InvalidRecordError("not_an_actor", spec.name)
        if role is not None:
            role = clean_text(role, limit=MAX_TAG)
        if name := clean_text(name, limit=MAX_TAG):
            actors[Actor(name, role)] = None
    return tuple(actors) or None


def _image(spec: Field, value: object) -> Image | None:
    if isinstance(value, Image):
        return value
    if not isinstance(value, str):
        raise InvalidRecordError("not_an_image", spec.name)
    ref = value.strip()
    if len(ref) > MAX_REF or _UNPRINTABLE.search(ref):
        raise InvalidRecordError("not_an_image", spec.name)
    return Image(ref) if ref else None


_NORMALISERS = {
    Kind.TEXT: _text,
    Kind.PROSE: _text,
    Kind.DATE: _date,
    Kind.RATING: _rating,
    Kind.TAGS: _tags,
    Kind.CAST: _cast,
    Kind.IMAGE: _image,
}


_BY_KIND: dict[Kind, Callable[[Any], Value]] = {
    Kind.TAGS: lambda data: tuple(map(str, data)),
    Kind.CAST: lambda data: tuple(Actor(**member) for member in data),
    Kind.IMAGE: lambda data: Image(**data),
    Kind.RATING: float,
}
_DECODERS = {name: _BY_KIND.get(spec.kind, str) for name, spec in FIELDS.items()}


def value_to_json(value: Value | Actor | None) -> Any:
    """Encode a field value as plain JSON; of an actor only what is said."""
    match value:
        case tuple():
            return [
                value_to_json(each) if isinstance(each, Actor) else each
                for each in value
            ]
        case Actor(name, role, thumb):
            said = {"name": name, "role": role, "thumb": thumb or None}
            return {key: text for key, text in said.items() if text is not None}
        case Image(ref, mark):
            return {"ref": ref, "mark": mark}
    return value


def fields_from_json(data: Mapping[str, Any]) -> dict[str, Value | None]:
    """Decode fields from ``value_to_json``; those that this version does not know are dropped."""
    return {
        name: None if value is None else _DECODERS[name](value)
        for name, value in data.items()
        if name in FIELDS
    }


def _find_to_json(find: Find) -> dict[str, Any]:
    return {"paths": find.paths, "guids": find.guids, "rating_key": find.rating_key}


def find_to_json(find: Find) -> str:
    """Encode the ways to find an item."""
    return dump(_find_to_json(find))


def find_from_json(text: str) -> Find:
    """Decode what ``find_to_json`` made."""
    data = load(text)
    return Find(tuple(data["paths"]), tuple(data["guids"]), data["rating_key"])
