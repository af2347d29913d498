"""The edit grammar: `title.value=…`, `genre[0].tag.tag=…`, `genre[].tag.tag-=…`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
import re
from typing import Any
from urllib.parse import unquote

from .catalog import Catalog
from .messages import PlexError
from .state import (
    EDITABLE,
    FIELD_KINDS,
    IMAGE_FIELDS,
    TAG_ELEMENTS,
    TAGGABLE,
    Item,
    ItemType,
    Tag,
    Tagging,
    Value,
)
from .switches import Switches, TagMode

_KEY = re.compile(
    r"^(?P<name>\w+)(?:"
    r"\.(?P<scalar>value|locked)"
    r"|\[(?P<index>\d+)\]\.(?P<part>tag\.tag|tagging\.text|tag\.thumb|tagging\.thumb"
    r"|tag\.art|tagging\.art|tagging\.theme)"
    r"|\[\]\.tag\.tag(?P<remove>-)"
    r"|\[\]\.(?P<clear>tag)-?"
    r")$"
)
_BLANKS = re.compile(r"[ \t]+")
_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?: \d{2}:\d{2}:\d{2})?$")

# What plexapi and Plex Web send beside the edit itself.
_NOT_FIELDS = frozenset({"type", "id", "includeExternalMedia", "async", "force"})

# A refresh never brings these: they belong to the people in front of the server.
PERSONAL = frozenset({"userRating", "label", "collection", "addedAt"})


@dataclass(slots=True)
class TagEdit:
    """What an edit says of one kind of tag; `add` maps the index to its parts."""

    add: dict[int, dict[str, str]] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    clear: bool = False


@dataclass(slots=True)
class Edit:
    """A checked edit, not yet applied."""

    values: dict[str, Value | None] = field(default_factory=dict)
    locks: dict[str, bool] = field(default_factory=dict)
    tags: dict[str, TagEdit] = field(default_factory=dict)


def parse_edit(
    query: Iterable[tuple[str, str]], item_type: ItemType, *, strict: bool
) -> Edit:
    """Read an edit off a query: an unknown name is a 400, a bad value a 500."""
    edit = Edit()
    bare = []
    for key, raw in query:
        if key in _NOT_FIELDS or key.startswith("X-Plex-"):
            continue
        if key in FIELD_KINDS:  # without `.value`: taken, and locked
            bare.append(key)
            key += ".value"
        if (match := _KEY.match(key)) is None:
            raise PlexError(400, f"unknown parameter {key}")
        name = match["name"]
        if match["scalar"] == "locked":
            _check_lockable(name)
            if raw not in ("0", "1"):
                raise PlexError(500, f"bad value for {key}")
            edit.locks[name] = raw == "1"
        elif match["scalar"] == "value":
            _check(name, FIELD_KINDS.keys(), EDITABLE[item_type], strict)
            edit.values[name] = parse_value(name, raw)
        else:
            _check(name, TAG_ELEMENTS.keys(), TAGGABLE[item_type], strict)
            _read_tag(edit.tags.setdefault(name, TagEdit()), match, raw)
    for name in bare:
        edit.locks.setdefault(name, True)
    for name, tag_edit in edit.tags.items():
        if any("tag.tag" not in parts for parts in tag_edit.add.values()):
            raise PlexError(400, f"{name} without a tag")
    return edit


def parse_value(name: str, raw: str) -> Value | None:
    """Turn the text of a field into its value; empty clears."""
    if raw == "":
        return None
    try:
        return _READERS[FIELD_KINDS[name]](raw)
    except ValueError:
        raise PlexError(500, f"bad value for {name}") from None


def _read_rating(raw: str) -> float | None:
    rating = float(raw)
    if rating == -1:
        return None
    if not 0 <= rating <= 10:
        raise ValueError(raw)
    return rating


def _read_date(raw: str) -> str:
    if (match := _DATE.match(raw)) is None:
        raise ValueError(raw)
    date(int(match[1]), int(match[2]), int(match[3]))
    return raw


_READERS: dict[str, Callable[[str], Value | None]] = {
    "text": str,
    "integer": int,
    "rating": _read_rating,
    "date": _read_date,
}


def apply_edit(catalog: Catalog, item: Item, edit: Edit, mode: TagMode) -> bool:
    """Apply a checked edit to one item; return whether it changed anything."""
    values = dict(edit.values)
    if catalog.switches.year_follows_date and (
        when := values.get("originallyAvailableAt")
    ):
        values.setdefault("year", int(str(when)[:4]))
    changed = apply_values(catalog, item, values)
    for name, tag_edit in edit.tags.items():
        before = agent_tags(item, name)
        wanted = merge_tags(catalog, item, name, tag_edit, mode)
        if catalog.put_taggings(item, name, wanted):
            remember(item, name, before)
            changed.append(name)
    locked = set(item.locks)
    for name, on in edit.locks.items():
        (item.locks.add if on else item.locks.discard)(name)
    if item.locks != locked:
        changed.append("locks")
    if changed or catalog.switches.noop_bumps_updated:
        catalog.touch(item, changed)
    return bool(changed)


def apply_values(
    catalog: Catalog, item: Item, values: dict[str, Value | None]
) -> list[str]:
    """Set and clear fields; return the names of those that changed."""
    changed = []
    for name, given in values.items():
        value = given
        if catalog.switches.fold_blanks and isinstance(value, str):
            value = _BLANKS.sub(" ", value)
        before = item.values.get(name)
        if value == before:
            continue
        remember(item, name, before)
        if name == "title" and item.tag is not None:
            catalog.rename_tag(item.section, item.tag, str(value or ""))
        if value is None:
            item.values.pop(name, None)
        else:
            item.values[name] = value
        changed.append(name)
        if name == "userRating":
            item.values["lastRatedAt"] = catalog.now()
    return changed


def check_rename(catalog: Catalog, item: Item, edit: Edit) -> None:
    """Refuse to give a collection the title of another."""
    if item.tag is None or not (title := edit.values.get("title")):
        return
    other = catalog.find_tag(item.section, "collection", str(title))
    if other is not None and other is not item.tag:
        raise PlexError(409, "a collection of that title exists")


def merge_tags(
    catalog: Catalog, item: Item, kind: str, edit: TagEdit, mode: TagMode
) -> list[Tagging]:
    """Return the list that an edit leaves: added first, then removed."""
    current = item.tags.get(kind, [])
    start = [] if edit.clear or (mode == "replace" and edit.add) else current
    merged: dict[int, list[Tagging]] = {}
    for tagging in start:
        merged.setdefault(tagging.tag.id, []).append(tagging)
    named: set[int] = set()
    for index in sorted(edit.add):
        parts = edit.add[index]
        if not (name := parts["tag.tag"]):
            continue
        tag = catalog.tag(item.section, kind, name)
        known = next((tagging for tagging in current if tagging.tag is tag), None)
        member = _tagging(catalog.switches, tag, parts, known)
        again = catalog.switches.repeat_actors and tag.id in named
        merged[tag.id] = [*merged[tag.id], member] if again else [member]
        named.add(tag.id)
    exact = {catalog.spelled(kind, name) for name in edit.remove}
    removed = {name.casefold() for name in exact}
    folded = catalog.switches.tag_identity == "casefold"
    return [
        tagging
        for tagging in chain.from_iterable(merged.values())
        if not (
            tagging.tag.name.casefold() in removed
            if folded
            else tagging.tag.name in exact
        )
    ]


def _tagging(
    switches: Switches, tag: Tag, parts: dict[str, str], known: Tagging | None
) -> Tagging:
    """Return what an edit makes of one member; what it does not say of it is disputed."""
    text = parts.get("tagging.text")
    if text is None:
        text = known.text if known and switches.keep_roles else ""
    thumb = parts.get("tag.thumb") or parts.get("tagging.thumb") or ""
    if thumb:
        tag.thumb = thumb
    elif switches.keep_portraits:
        thumb = (known.thumb if known else "") or tag.thumb
    return Tagging(tag, text, thumb)


def decode_removals(raw: str) -> list[str]:
    """Split the list of a removal: each tag was quoted before the commas joined them."""
    return [unquote(piece) for piece in raw.split(",") if piece]


def remember(item: Item, name: str, before: Any) -> None:
    """Keep what the agent had said before the first edit: a refresh brings it back."""
    if name not in PERSONAL:
        item.agent.setdefault(name, before)


def agent_tags(item: Item, kind: str) -> list[tuple[str, str, str]]:
    """Return the tags of one kind in the form that the agent remembers."""
    return [(t.tag.name, t.text, t.thumb) for t in item.tags.get(kind, ())]


def restore_agent_values(catalog: Catalog, item: Item) -> list[str]:
    """Overwrite the unlocked fields with what the agent says."""
    values = {
        name: value
        for name, value in item.agent.items()
        if name in FIELD_KINDS and name not in item.locks
    }
    changed = apply_values(catalog, item, values)
    for kind, specs in item.agent.items():
        if (
            kind in TAG_ELEMENTS
            and kind not in item.locks
            and catalog.set_tags(item, kind, specs)
        ):
            changed.append(kind)
    return changed


def parse_ids(raw: str) -> list[int]:
    """Read a comma list of rating keys."""
    try:
        return [int(piece) for piece in raw.split(",") if piece]
    except ValueError:
        raise PlexError(400, "bad id") from None


def _read_tag(edit: TagEdit, match: re.Match[str], raw: str) -> None:
    if match["remove"]:
        edit.remove.extend(decode_removals(raw))
    elif match["clear"]:
        edit.clear = True
    else:
        edit.add.setdefault(int(match["index"]), {})[match["part"]] = raw


def _check(
    name: str,
    known: Iterable[str],
    accepted: Sequence[str] | frozenset[str],
    strict: bool,
) -> None:
    if name not in known or (strict and name not in accepted):
        raise PlexError(400, f"unknown field {name}")


def _check_lockable(name: str) -> None:
    if (
        name not in FIELD_KINDS
        and name not in TAG_ELEMENTS
        and name not in IMAGE_FIELDS
    ):
        raise PlexError(400, f"unknown field {name}")
