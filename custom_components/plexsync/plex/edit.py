"""From field edits to the queries of ``PUT /library/sections/{key}/all``.

Sources disagree on whether ``genre[0].tag.tag=`` appends or replaces
(``reference/plex.md`` §2.8). Right under both: the whole list as it shall be at
0…n-1, and what has to go removed by name.
"""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from ..engine.fields import FIELDS, Kind
from ..engine.ports import FieldEdit
from ..engine.record import Actor
from .chunks import chunks
from .items import NAMES, Handle

MAX_URL = 7_500  # bytes; proxies take 8 kB for the whole request line

type Params = list[str]  # encoded, ``name=value`` each


def queries(
    rating_key: str, handle: Handle, edits: Sequence[FieldEdit], *, room: int
) -> list[str]:
    """Give the encoded queries that apply the edits, one where they fit in ``room`` bytes.

    A list is never cut: where indices replace, its second part would replace
    the first. What does not fit alone goes out alone, and the server decides.
    """
    base = f"type={handle.type_number}&id={rating_key}"
    found: list[str] = []
    filling = base
    single = [edit for edit in edits if not FIELDS[edit.field].is_list]
    lists = [edit for edit in edits if FIELDS[edit.field].is_list]
    for unit in _units([*single, *lists], room - len(base) - 1):
        text = "&".join(unit)
        if filling != base and len(filling) + 1 + len(text) > room:
            found.append(filling)
            filling = base
        filling += f"&{text}"
    if filling != base:
        found.append(filling)
    return found


def _param(name: str, value: str) -> str:
    # Of what our names hold only the brackets of an index need it.
    name = name.replace("[", "%5B").replace("]", "%5D")
    return f"{name}={quote(value, safe='')}"


def _units(edits: Iterable[FieldEdit], room: int) -> Iterator[Params]:
    """Give the parameters that have to stay in one request, group by group."""
    for edit in edits:
        name = NAMES[edit.field]
        lock = [] if edit.lock is None else [f"{name}.locked={edit.lock:d}"]
        if not edit.touch:
            if lock:
                yield lock
        elif FIELDS[edit.field].is_list:
            yield from _list(name, edit, lock, room)
        elif FIELDS[edit.field].kind is Kind.IMAGE:
            raise ValueError("pictures are uploaded, not edited")
        else:
            yield [_param(f"{name}.value", _text(edit.value)), *lock, *_year(edit)]


def _year(edit: FieldEdit) -> Params:
    if edit.year is None:
        return []
    return [f"year.value={edit.year.number or ''}", f"year.locked={edit.year.locked:d}"]


def _list(name: str, edit: FieldEdit, lock: Params, room: int) -> Iterator[Params]:
    params: Params = []
    for index, member in enumerate(edit.members):
        if isinstance(member, Actor):
            params.append(_param(f"{name}[{index}].tag.tag", member.name))
            if member.role is not None:
                # Also an empty one: else the one that stood there may stay.
                params.append(_param(f"{name}[{index}].tagging.text", member.role))
            if member.thumb:
                params.append(_param(f"{name}[{index}].tag.thumb", member.thumb))
        else:
            params.append(_param(f"{name}[{index}].tag.tag", str(member)))
    removals = [
        _removal(name, chunk) for chunk in chunks(edit.remove, room - 200, _room)
    ]
    whole = [*params, *lock, *removals]
    if len("&".join(whole)) <= room:
        if whole:
            yield whole
        return
    if params or lock:
        yield [*params, *lock]
    for removal in removals:
        yield [removal]


def _removal(name: str, tags: Iterable[str]) -> str:
    # Quoted once here, so that a tag may hold a comma, and once more with the query.
    return _param(f"{name}[].tag.tag-", ",".join(quote(tag, safe="") for tag in tags))


def _room(tag: str) -> int:
    return len(quote(quote(tag, safe=""), safe="")) + 3  # and an encoded comma


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, int | float) else value
