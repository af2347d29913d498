"""What a source says of one media item.

A field value is three-state: *absent* (the key is missing: leave it alone),
*clear* (the value is ``None``), or *set to v*.
"""

from collections.abc import Callable, Iterable, Mapping
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
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BLANKS = re.compile(r"\s+")


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
        wanted = {
            name: value
            for name, value in self.fields.items()
            if images or FIELDS[name].kind is not Kind.IMAGE
        }
        said = [
            _find_to_json(self.find),
            fields_to_json(wanted),
            self.identified,
            self.mirror,
            sorted(self.fill_only),
        ]
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
    if prose:
        return value.strip()[:limit].rstrip()
    return _BLANKS.sub(" ", value).strip()[:limit].rstrip()


def normalise(name: str, value: object) -> Value | None:
    """Turn a loose value into the field's own type; ``None`` and emptiness clear.

    Raises InvalidRecordError with the codes unknown_field, not_text, not_a_date,
    not_a_rating, rating_out_of_range, not_a_list, not_an_image, title_required.
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
    if not isinstance(value, str):
        raise InvalidRecordError("not_a_date", spec.name)
    if not value.strip():
        return None
    if not _DAY.fullmatch(value.strip()):
        raise InvalidRecordError("not_a_date", spec.name)
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise InvalidRecordError("not_a_date", spec.name) from None


def _rating(spec: Field, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidRecordError("not_a_rating", spec.name)
    try:
        number = float(value)
    except OverflowError:
        raise InvalidRecordError("rating_out_of_range", spec.name) from None
    except ValueError:
        raise InvalidRecordError("not_a_rating", spec.name) from None
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
    actors: dict[tuple[str, str | None], Actor] = {}
    for member in _members(spec, value):
        if isinstance(member, Actor):
            said = {} if member.role is None else {"role": member.role}
            member = {"name": member.name} | said
        elif isinstance(member, str):
            member = {"name": member}
        if (
            not isinstance(member, Mapping)
            or not isinstance(member.get("name"), str)
            or not isinstance(member.get("role") or "", str)
            or set(member) - {"name", "role"}
        ):
            raise InvalidRecordError("not_an_actor", spec.name)
        if name := clean_text(member["name"], limit=MAX_TAG):
            role = None
            if "role" in member:
                role = clean_text(member["role"] or "", limit=MAX_TAG)
            actors.setdefault((name, role), Actor(name, role))
    return tuple(actors.values()) or None


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


def _decode_cast(data: Any) -> Value:
    return tuple(Actor(**member) for member in data)


_BY_KIND: dict[Kind, Callable[[Any], Value]] = {
    Kind.TAGS: lambda data: tuple(map(str, data)),
    Kind.CAST: _decode_cast,
    Kind.IMAGE: lambda data: Image(data["ref"], data["mark"]),
    Kind.RATING: float,
}
_DECODERS = {name: _BY_KIND.get(spec.kind, str) for name, spec in FIELDS.items()}


def value_to_json(value: Value | None) -> Any:
    """Encode a field value as plain JSON."""
    match value:
        case Image():
            return {"ref": value.ref, "mark": value.mark}
        case tuple():
            return [
                _actor_to_json(member) if isinstance(member, Actor) else member
                for member in value
            ]
        case _:
            return value


def _actor_to_json(actor: Actor) -> dict[str, str]:
    said: dict[str, str] = {"name": actor.name}
    if actor.role is not None:
        said["role"] = actor.role
    if actor.thumb:
        said["thumb"] = actor.thumb
    return said


def value_from_json(name: str, data: Any) -> Value | None:
    """Decode what ``value_to_json`` made."""
    if data is None:
        return None
    return _DECODERS[name](data)


def fields_to_json(fields: Fields) -> dict[str, Any]:
    """Encode a whole field mapping."""
    return {name: value_to_json(value) for name, value in fields.items()}


def fields_from_json(data: Mapping[str, Any]) -> dict[str, Value | None]:
    """Decode a whole field mapping; fields that this version does not know are dropped."""
    return {
        name: value_from_json(name, value)
        for name, value in data.items()
        if name in FIELDS
    }


def _find_to_json(find: Find) -> dict[str, Any]:
    return {
        "paths": list(find.paths),
        "guids": list(find.guids),
        "rating_key": find.rating_key,
    }


def find_to_json(find: Find) -> str:
    """Encode the ways to find an item."""
    return dump(_find_to_json(find))


def find_from_json(text: str) -> Find:
    """Decode what ``find_to_json`` made."""
    data = load(text)
    return Find(tuple(data["paths"]), tuple(data["guids"]), data["rating_key"])
