"""Section listings: which items, in which order, which page of them."""

from collections.abc import Callable
from dataclasses import dataclass

from .catalog import Catalog, membership
from .filters import build_test, sort_value
from .markup import Attr
from .messages import PlexError, Request
from .state import FIELD_KINDS, Item, ItemType, Section
from .switches import Switches

_SORTABLE = frozenset(FIELD_KINDS) | {
    "updatedAt",
    "lastRatedAt",
    "duration",
    "index",
    "ratingKey",
}
_KEPT_ORDERS = 24


@dataclass(slots=True)
class Page:
    """One page of a listing; `total` and `start` are `None` when no page was asked for."""

    items: list[Item]
    start: int | None = None
    total: int | None = None

    def attrs(self) -> dict[str, Attr]:
        """Return the paging attributes of the container."""
        found: dict[str, Attr] = {"size": len(self.items)}
        if self.total is not None and self.start is not None:
            found |= {"totalSize": self.total, "offset": self.start}
        return found

    def headers(self) -> dict[str, str]:
        """Return the paging headers of the answer."""
        if self.total is None:
            return {}
        return {
            "X-Plex-Container-Start": str(self.start),
            "X-Plex-Container-Total-Size": str(self.total),
        }


def select(catalog: Catalog, section: Section, request: Request) -> list[Item]:
    """Return the items that a listing asks for, in order."""
    item_type = wanted_type(section, request)
    if section.vanished:
        return []
    if request.param("file") is not None and request.param("type") is None:
        raise PlexError(500)  # seen on 1.43.1
    test = build_test(request.query, section, catalog.now())
    sort = request.param("sort") or "titleSort:asc"
    if test is None:
        chosen = ordered(section, item_type, sort)
    else:
        # Few pass a filter as a rule: sort those alone, unless the order is at hand.
        kept = _kept_order(section, item_type, sort)
        found = section.of_type(item_type).values() if kept is None else kept
        chosen = [item for item in found if test(item)]
        if kept is None:
            _sort(chosen, sort)
    if request.flag("includeCollections") and item_type is section.type:
        chosen = [*chosen, *section.of_type(ItemType.COLLECTION).values()]
    if (limit := request.param("limit")) and limit.isdecimal():
        chosen = chosen[: int(limit)]
    return chosen


def wanted_type(section: Section, request: Request) -> ItemType:
    """Return the type that a request names, else the section's own."""
    if not (raw := request.param("type")):
        return section.type
    try:
        return ItemType(int(raw))
    except ValueError:
        raise PlexError(400, "bad type") from None


def ordered(section: Section, item_type: ItemType, sort: str) -> list[Item]:
    """Return all items of a type in order; kept until a field of the order changes."""
    if (kept := _kept_order(section, item_type, sort)) is not None:
        return kept
    items = list(section.of_type(item_type).values())
    _sort(items, sort)
    if len(section.orders) >= _KEPT_ORDERS:
        section.orders.clear()
    section.orders[item_type, sort] = (_age(section, item_type, sort), items)
    return items


def _kept_order(section: Section, item_type: ItemType, sort: str) -> list[Item] | None:
    age, items = section.orders.get((item_type, sort), ((), []))
    return items if age == _age(section, item_type, sort) else None


def _age(section: Section, item_type: ItemType, sort: str) -> tuple[int, ...]:
    """Return the counts of the changes that an order depends on."""
    watched = [membership(item_type)]
    for name, _ in _parse_sort(sort):
        watched += ["titleSort", "title"] if name == "titleSort" else [name]
    return tuple(section.versions[name] for name in watched)


def _sort(items: list[Item], sort: str) -> None:
    items.sort(key=lambda item: item.rating_key)
    for name, descending in reversed(_parse_sort(sort)):
        items.sort(key=_sort_key(name), reverse=descending)


def page(switches: Switches, items: list[Item], request: Request) -> Page:
    """Cut the page out that a request asks for by header or by query."""
    size = _number(request, "X-Plex-Container-Size")
    start = _number(request, "X-Plex-Container-Start")
    if size is None and switches.strict_paging:
        raise PlexError(400, "X-Plex-Container-Size is required")
    if size is None or start is None:
        # A size without a start is ignored (seen on 1.43.2).
        return Page(items if switches.max_page is None else items[: switches.max_page])
    if switches.max_page is not None:
        size = min(size, switches.max_page)
    return Page(items[start : start + size], start, len(items))


def _parse_sort(sort: str) -> list[tuple[str, bool]]:
    """Return field and "descending" of each piece of a sort; an unknown one is ignored."""
    orders = []
    for piece in filter(None, sort.split(",")):
        field, _, direction = piece.partition(":")
        name = field.rsplit(".", 1)[-1]
        if name in _SORTABLE and direction in ("", "asc", "desc", "nullsLast"):
            orders.append((name, direction == "desc"))
    return orders


def _sort_key(name: str) -> Callable[[Item], str | int | float]:
    return lambda item: sort_value(item, name)


def _number(request: Request, name: str) -> int | None:
    raw = request.header(name)
    if raw is None:
        raw = request.param(name)
    if raw is None or raw == "":
        return None
    try:
        return max(0, int(raw))
    except ValueError:
        raise PlexError(400, f"bad {name}") from None
