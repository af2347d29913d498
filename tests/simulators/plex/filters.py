"""The filters of a section listing: `year>>=1990`, `genre=7,8`, `file=…`, push and pop."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
import re

from .messages import PlexError
from .state import FIELD_KINDS, TAG_ELEMENTS, Item, ItemType, Section, Value

Test = Callable[[Item], bool]

_KEY = re.compile(
    r"^(?:(?P<level>movie|show|season|episode|collection)\.)?(?P<name>\w+)(?P<operator>[!<>=]*)$"
)
_RELATIVE = re.compile(r"^-(\d+)(mon|[smhdwy])$")
_SECONDS = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "mon": 2592000,
    "y": 31536000,
}

_NUMBERS = frozenset(
    {
        "year",
        "addedAt",
        "updatedAt",
        "lastRatedAt",
        "duration",
        "rating",
        "audienceRating",
        "userRating",
    }
)
_CHOICES = frozenset({"contentRating", "guid", "editionTitle"})

# Not filters, so harmless here: paging, wishes about the rendering, and what clients add by habit.
_IGNORED = frozenset(
    {"type", "sort", "limit", "checkFiles", "skipRefresh", "async", "group", "viewMode"}
)
_IGNORED_PREFIXES = ("X-Plex-", "include", "exclude")


def build_test(
    query: Iterable[tuple[str, str]], section: Section, now: int
) -> Test | None:
    """Compile a query into one test; `None` when it filters nothing."""
    groups: list[_Group] = [_Group()]
    for key, value in query:
        if key in _IGNORED or key.startswith(_IGNORED_PREFIXES):
            continue
        if key == "push":
            groups.append(_Group())
        elif key == "pop":
            if len(groups) == 1:
                raise PlexError(400, "pop without push")
            inner = groups.pop()
            groups[-1].add(inner.test)
        elif key in ("and", "or"):
            groups[-1].either = key == "or"
        else:
            groups[-1].add(_at_level(key, _one_test(key, value, section, now)))
    if len(groups) != 1:
        raise PlexError(400, "push without pop")
    tests = groups[0].tests
    if len(tests) == 1:
        return tests[0]
    return groups[0].test if tests else None


class _Group:
    """Tests joined by and, or by or."""

    def __init__(self) -> None:
        self.tests: list[Test] = []
        self.either = False

    def add(self, test: Test) -> None:
        self.tests.append(test)

    def test(self, item: Item) -> bool:
        return (any if self.either else all)(test(item) for test in self.tests)


def _at_level(key: str, test: Test) -> Test:
    """Let `show.title` look at the show when episodes are listed."""
    level = match["level"] if (match := _KEY.match(key)) else None
    if level not in ("show", "season"):
        return test

    def test_above(item: Item) -> bool:
        above: Item | None = item
        while above is not None and above.type.word != level:
            above = above.parent
        return above is not None and test(above)

    return test_above


def _one_test(key: str, value: str, section: Section, now: int) -> Test:
    if (match := _KEY.match(key)) is None:
        raise PlexError(400, f"unknown filter {key}")
    name, operator = match["name"], match["operator"]
    if name == "file":
        wanted = value.casefold()
        return lambda item: _holds(item, wanted)
    if name == "id":
        keys = set(value.split(","))
        return lambda item: (str(item.rating_key) in keys) is (operator != "!")
    if name == "unwatched":
        return lambda item: value == "1"
    if name in TAG_ELEMENTS:
        return _tag_test(name, operator, value, section)
    if name == "originallyAvailableAt":
        return _date_test(operator, value, now)
    if name in _NUMBERS:
        return _number_test(name, operator, value, now)
    if name == "decade":
        decades = _numbers(name, value)
        return lambda item: int(item.values.get("year") or 0) // 10 * 10 in decades
    if name == "guid":
        guids = set(value.split(","))
        return lambda item: (item.guid in guids) is (operator != "!")
    if name in _CHOICES:
        choices = set(value.split(","))
        return lambda item: (
            (str(item.values.get(name, "")) in choices) is (operator != "!")
        )
    if FIELD_KINDS.get(name) == "text":
        return _text_test(name, operator, value)
    raise PlexError(400, f"unknown filter {key}")


def _holds(item: Item, wanted: str) -> bool:
    """Return whether a path of the item contains a folded text; plain loops, for this runs per item."""
    for media in item.media:
        for part in media.parts:
            if wanted in part.folded:
                return True
    return False


def _text_test(name: str, operator: str, value: str) -> Test:
    wanted = value.casefold()
    compare: Callable[[str], bool]
    match operator:
        case "":
            compare = lambda text: wanted in text  # noqa: E731 - one line a case reads best
        case "!":
            compare = lambda text: wanted not in text  # noqa: E731
        case "=":
            compare = lambda text: text == wanted  # noqa: E731
        case "!=":
            compare = lambda text: text != wanted  # noqa: E731
        case "<":
            compare = lambda text: text.startswith(wanted)  # noqa: E731
        case ">":
            compare = lambda text: text.endswith(wanted)  # noqa: E731
        case _:
            raise PlexError(400, f"unknown operator {operator}")
    return lambda item: compare(str(item.values.get(name, "")).casefold())


def _number_test(name: str, operator: str, value: str, now: int) -> Test:
    if operator in ("", "!"):
        choices = _numbers(name, value, now)
        return lambda item: (
            (float(item.values.get(name, -1)) in choices) is (operator == "")
        )
    (wanted,) = _numbers(name, value, now, several=False)
    if operator == ">>":
        return lambda item: float(item.values.get(name, 0)) > wanted
    if operator == "<<":
        return lambda item: float(item.values.get(name, 0)) < wanted
    raise PlexError(400, f"unknown operator {operator}")


def _numbers(
    name: str, value: str, now: int = 0, *, several: bool = True
) -> set[float]:
    """Read the numbers of a filter, joined by commas, or moments where it is about those."""
    try:
        return {
            _moment(piece, now) if name.endswith("At") else float(piece)
            for piece in (value.split(",") if several else [value])
        }
    except ValueError:
        raise PlexError(400, f"bad value for {name}") from None


def _date_test(operator: str, value: str, now: int) -> Test:
    if value.startswith("-") or value.isdecimal():
        try:
            moment = datetime.fromtimestamp(_moment(value, now), UTC)
        except ValueError, OverflowError, OSError:
            raise PlexError(400, "bad date") from None
        value = moment.strftime("%Y-%m-%d")
    name = "originallyAvailableAt"
    if operator == ">>":
        return lambda item: str(item.values.get(name, "")) > value
    if operator == "<<":
        return lambda item: "" < str(item.values.get(name, "")) < value
    choices = set(value.split(","))
    return lambda item: (item.values.get(name) in choices) is (operator != "!")


def _tag_test(kind: str, operator: str, value: str, section: Section) -> Test:
    members: set[int] = set()
    for piece in value.split(","):
        tag = section.tags_by_id.get(int(piece)) if piece.isdecimal() else None
        tag = tag or section.tags_by_name.get((kind, piece))
        if tag is not None and tag.kind == kind:
            members.update(tag.members)
    return lambda item: (item.rating_key in members) is (operator != "!")


def _moment(value: str, now: int) -> float:
    if match := _RELATIVE.match(value):
        return now - int(match[1]) * _SECONDS[match[2]]
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    return float(value)


def sort_value(item: Item, name: str) -> Value:
    """Return what an item sorts by; what is missing comes first, as in SQLite."""
    if name == "titleSort" and item.type is ItemType.SEASON and item.parent:
        return f"{sort_value(item.parent, name)}\0{item.index or 0:06}"
    if name == "titleSort":
        return str(item.values.get("titleSort") or item.title).casefold()
    if name in _NUMBERS:
        return float(item.values.get(name, -1))
    if name in ("index", "ratingKey"):
        return item.index or 0 if name == "index" else item.rating_key
    return str(item.values.get(name, "")).casefold()
