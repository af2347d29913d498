"""Turn field edits into queries of ``PUT /library/sections/{key}/all``.

It is not documented whether ``genre[0].tag.tag=`` appends to a list or replaces it, and
reports disagree. So we send what is right either way: the complete new list, at 0…n-1,
and the names of the members to remove.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from urllib.parse import quote

from ..engine.model.fields import FIELDS, Kind
from ..engine.model.ports import FieldEdit
from ..engine.model.record import Actor
from .items import NAMES, Handle

MAX_URL = 7_500  # bytes; proxies take 8 kB for the whole request line

type Params = list[str]  # encoded, ``name=value`` each


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its encoded query, and the edits, or parts of edits, that it makes."""

    query: str
    edits: tuple[FieldEdit, ...]


def requests(
    rating_key: str, handle: Handle, edits: Sequence[FieldEdit], *, room: int
) -> list[Request]:
    """Return the requests that apply the edits, a single one if ``room`` bytes suffice.

    A list is not split here: on a server that replaces lists, the second part would
    replace the first. A list that is too long for one request is sent alone anyway, and
    the server decides.
    """
    base = f"type={handle.type_number}&id={rating_key}"
    found: list[Request] = []
    query, inside = base, list[FieldEdit]()
    lists_last = sorted(edits, key=lambda edit: FIELDS[edit.field].is_list)
    for edit, params in _units(lists_last, room - len(base) - 1):
        text = "&".join(params)
        if inside and len(query) + 1 + len(text) > room:
            found.append(Request(query, tuple(inside)))
            query, inside = base, []
        query += f"&{text}"
        inside.append(edit)
    if inside:
        found.append(Request(query, tuple(inside)))
    return found


_quote = partial(quote, safe="")
# Names of genres and people come again and again.
_quote_name = lru_cache(1024)(_quote)


def _units(edits: Iterable[FieldEdit], room: int) -> Iterator[tuple[FieldEdit, Params]]:
    """Yield parameters that have to stay in one request, with the edit that they make."""
    for edit in edits:
        name = NAMES[edit.field]
        lock = [] if edit.lock is None else [f"{name}.locked={edit.lock:d}"]
        if not edit.touch:
            if lock:
                yield edit, lock
        elif FIELDS[edit.field].is_list:
            yield from _list(name, edit, lock, room)
        elif FIELDS[edit.field].kind is Kind.IMAGE:
            raise ValueError("pictures are uploaded, not edited")
        else:
            yield (
                edit,
                [f"{name}.value={_quote(_text(edit.value))}", *lock, *_year(edit)],
            )


def _year(edit: FieldEdit) -> Params:
    if edit.year is None:
        return []
    return [f"year.value={edit.year.number or ''}", f"year.locked={edit.year.locked:d}"]


def _list(
    name: str, edit: FieldEdit, lock: Params, room: int
) -> Iterator[tuple[FieldEdit, Params]]:
    params: Params = []
    for index, member in enumerate(edit.members):
        at = f"{name}%5B{index}%5D"
        if isinstance(member, Actor):
            params.append(f"{at}.tag.tag={_quote_name(member.name)}")
            if member.role is not None:
                # Send an empty role, too, or else the previous role may stay.
                params.append(f"{at}.tagging.text={_quote_name(member.role)}")
            if member.thumb:
                params.append(f"{at}.tag.thumb={_quote(member.thumb)}")
        else:
            params.append(f"{at}.tag.tag={_quote_name(str(member))}")
    params += lock
    removals = list(_chunks(edit.remove, room - 200))
    whole = [*params, *(_removal(name, chunk) for chunk in removals)]
    if len("&".join(whole)) <= room:
        if whole:
            yield edit, whole
        return
    if params:
        yield replace(edit, remove=()), params
    for chunk in removals:
        part = FieldEdit(edit.field, remove=tuple(chunk), lock=None)
        yield part, [_removal(name, chunk)]


def _removal(name: str, tags: Iterable[str]) -> str:
    return f"{name}%5B%5D.tag.tag-={'%2C'.join(map(_quote_twice, tags))}"


def _quote_twice(tag: str) -> str:
    """Quote for the list of names, as a tag may contain a comma, and again for the query."""
    return _quote_name(tag).replace("%", "%25")


def _chunks(tags: Iterable[str], room: int) -> Iterator[list[str]]:
    """Split names so that each part fits; a name that is too long alone is one, too."""
    chunk: list[str] = []
    used = 0
    for tag in tags:
        needed = len(_quote_twice(tag)) + 3  # plus an encoded comma
        if chunk and used + needed > room:
            yield chunk
            chunk, used = [], 0
        chunk.append(tag)
        used += needed
    if chunk:
        yield chunk


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, int | float) else value
