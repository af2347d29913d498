"""The `Meta` element: which filters, sorts and operators a listing offers."""

from .markup import Attr, Node
from .state import ItemType, Section

_STRING = (
    ("=", "contains"),
    ("!=", "does not contain"),
    ("==", "is"),
    ("!==", "is not"),
)
_OPERATORS: dict[str, tuple[tuple[str, str], ...]] = {
    "tag": (("=", "is"), ("!=", "is not")),
    "integer": (
        ("=", "is"),
        ("!=", "is not"),
        (">>=", "is greater than"),
        ("<<=", "is less than"),
    ),
    "string": (*_STRING, ("<=", "begins with"), (">=", "ends with")),
    "boolean": (("=", "is true"), ("!=", "is false")),
    "date": (("<<=", "is before"), (">>=", "is after")),
}

_FIELDS = {
    "title": "string",
    "studio": "string",
    "userRating": "integer",
    "rating": "integer",
    "audienceRating": "integer",
    "year": "integer",
    "decade": "tag",
    "originallyAvailableAt": "date",
    "addedAt": "date",
    "updatedAt": "date",
    "unwatched": "boolean",
    "genre": "tag",
    "contentRating": "tag",
    "actor": "tag",
    "director": "tag",
    "writer": "tag",
    "producer": "tag",
    "country": "tag",
    "collection": "tag",
    "label": "tag",
}
_SORTS = {
    "titleSort": "asc",
    "year": "desc",
    "originallyAvailableAt": "desc",
    "rating": "desc",
    "audienceRating": "desc",
    "userRating": "desc",
    "duration": "desc",
    "addedAt": "desc",
}
_FILTERS = (
    "genre",
    "year",
    "decade",
    "contentRating",
    "collection",
    "director",
    "actor",
    "country",
    "studio",
    "label",
)

_TYPES = {
    ItemType.MOVIE: (ItemType.MOVIE,),
    ItemType.SHOW: (ItemType.SHOW, ItemType.SEASON, ItemType.EPISODE),
}


def meta_node(section: Section, asked: ItemType) -> Node:
    """Build what `includeMeta=1` adds to a listing."""
    types = (
        (ItemType.COLLECTION,) if asked is ItemType.COLLECTION else _TYPES[section.type]
    )
    children = [
        _type_node(section, item_type, active=item_type is asked) for item_type in types
    ]
    children += [
        Node(
            "FieldType",
            {"type": kind},
            [Node("Operator", {"key": key, "title": title}) for key, title in rows],
        )
        for kind, rows in _OPERATORS.items()
    ]
    return Node("Meta", {}, children)


def _type_node(section: Section, item_type: ItemType, *, active: bool) -> Node:
    word = item_type.word
    base = f"/library/sections/{section.key}"
    attrs: dict[str, Attr] = {
        "key": f"{base}/all?type={int(item_type)}",
        "type": word,
        "title": f"{word.capitalize()}s",
        "active": active,
    }
    children = [
        Node(
            "Filter",
            {
                "filter": name,
                "filterType": "integer" if name in ("year", "decade") else "string",
                "key": f"{base}/{name}",
                "title": name.capitalize(),
                "type": "filter",
            },
        )
        for name in _FILTERS
    ]
    children += [
        Node(
            "Sort",
            {
                "key": name,
                "descKey": f"{name}:desc",
                "defaultDirection": way,
                "title": name,
            },
        )
        for name, way in _SORTS.items()
    ]
    children += [
        Node("Field", {"key": f"{word}.{name}", "title": name, "type": kind})
        for name, kind in _FIELDS.items()
    ]
    return Node("Type", attrs, children)
