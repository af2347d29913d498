"""Conditions as Stash builds them: joins, then one WHERE, with the order that entails.

A nested AND, OR or NOT adds its joins to the outer query and its condition
without brackets. That is what loses scenes: an inner join that belongs to one
branch of an OR is demanded of every branch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
import re
from typing import Any

from .base import StashError
from .store import Param

type Handler = Callable[[Condition, Any], None]

_COMPARISONS = {
    "EQUALS": "=",
    "NOT_EQUALS": "!=",
    "GREATER_THAN": ">",
    "LESS_THAN": "<",
}
_OPERATORS = {"AND": "AND", "OR": "OR", "NOT": "AND NOT"}


@dataclass(slots=True)
class Condition:
    """Joins by alias, and terms that are ANDed; each term brings its parameters."""

    joins: dict[str, str] = field(default_factory=dict)
    where: list[tuple[str, tuple[Param, ...]]] = field(default_factory=list)
    operator: str = ""
    nested: Condition | None = None

    def all_joins(self) -> dict[str, str]:
        """Return every join once, the nested ones included."""
        return (self.nested.all_joins() if self.nested else {}) | self.joins

    def sql_where(self) -> tuple[str, list[Param]]:
        """Return the WHERE condition, empty if there is none."""
        text, params = _both(self.where)
        if self.nested is not None:
            inner, more = self.nested.sql_where()
            params += more
            if inner and text:
                text = f"{text} {self.operator} {inner}"
            elif inner:
                text = f"NOT {inner}" if self.operator == "AND NOT" else inner
        return text, params


def _both(terms: Sequence[tuple[str, tuple[Param, ...]]]) -> tuple[str, list[Param]]:
    """AND terms."""
    text = " AND ".join(f"({sql})" for sql, _ in terms)
    return (f"({text})" if text else ""), [
        param for _, params in terms for param in params
    ]


def build(
    handlers: Mapping[str, Handler], criteria: Mapping[str, Any] | None
) -> Condition:
    """Make a condition of a filter object."""
    condition = Condition()
    criteria = criteria or {}
    present = [name for name in _OPERATORS if criteria.get(name) is not None]
    if len(present) > 1:
        raise StashError(
            f"cannot have {present[0]} and {present[1]} in the same filter"
        )
    if present:
        condition.operator = _OPERATORS[present[0]]
        condition.nested = build(handlers, criteria[present[0]])
    for name, value in criteria.items():
        if name not in _OPERATORS and value is not None:
            handlers[name](condition, value)
    return condition


def compared(
    column: str, criterion: Mapping[str, Any], upper: Param = 0
) -> tuple[str, tuple[Param, ...]]:
    """Compare a column with a value, by SQLite's own rules. Texts are compared as texts."""
    modifier, value = criterion["modifier"], criterion["value"]
    second = criterion.get("value2")
    match modifier:
        case "IS_NULL":
            return f"{column} IS NULL", ()
        case "NOT_NULL":
            return f"{column} IS NOT NULL", ()
        case "BETWEEN" | "NOT_BETWEEN":
            word = modifier.replace("_", " ")
            return f"{column} {word} ? AND ?", (
                value,
                upper if second is None else second,
            )
        case _ if modifier in _COMPARISONS:
            return f"{column} {_COMPARISONS[modifier]} ?", (value,)
    raise StashError(f"unsupported modifier type {modifier}")


def number(column: str) -> Handler:
    """Filter by a number."""

    def handle(condition: Condition, criterion: Mapping[str, Any]) -> None:
        condition.where.append(compared(column, criterion))

    return handle


def timestamp(column: str) -> Handler:
    """Filter by a time: the text sent is compared with the text stored, character by character."""

    def handle(condition: Condition, criterion: Mapping[str, Any]) -> None:
        condition.where.append(compared(column, criterion, upper="9999"))

    return handle


def flag(column: str) -> Handler:
    """Filter by a yes or no."""

    def handle(condition: Condition, wanted: bool) -> None:
        condition.where.append((f"{column} = ?", (int(wanted),)))

    return handle


def nothing(condition: Condition, criterion: object) -> None:
    """Accept a criterion and ignore it."""


def text(column: str, join: tuple[str, str] | None = None) -> Handler:
    """Filter by a text: EQUALS is LIKE, INCLUDES takes any word unless quoted."""

    def handle(condition: Condition, criterion: Mapping[str, Any]) -> None:
        if join is not None:
            condition.joins[join[0]] = join[1]
        condition.where.append(_text(column, criterion["modifier"], criterion["value"]))

    return handle


def _text(column: str, modifier: str, value: str) -> tuple[str, tuple[Param, ...]]:
    """Make the term of one text criterion."""
    match modifier:
        case "EQUALS":
            return f"{column} LIKE ?", (value,)
        case "NOT_EQUALS":
            return f"{column} NOT LIKE ?", (value,)
        case "INCLUDES" | "EXCLUDES":
            trimmed = value.strip()
            bare = trimmed.strip('"')
            words = trimmed.split() or [""] if bare == trimmed else [bare]
            wanted = modifier == "INCLUDES"
            term = f"{column} LIKE ?" if wanted else f"{column} NOT LIKE ?"
            return (" OR " if wanted else " AND ").join(term for _ in words), tuple(
                f"%{word}%" for word in words
            )
        case "MATCHES_REGEX" | "NOT_MATCHES_REGEX":
            try:
                re.compile(value)
            except re.error as err:
                raise StashError(f"error parsing regexp: {err}: `{value}`") from err
            if modifier == "MATCHES_REGEX":
                return f"{column} IS NOT NULL AND {column} REGEXP ?", (value,)
            return f"{column} IS NULL OR NOT {column} REGEXP ?", (value,)
        case "IS_NULL":
            return f"{column} IS NULL OR trim({column}) = ''", ()
        case "NOT_NULL":
            return f"{column} IS NOT NULL AND trim({column}) != ''", ()
    raise StashError(f"unsupported string filter modifier {modifier}")


def search(columns: Sequence[str], query: str) -> tuple[str, tuple[Param, ...]]:
    """Make the term of the search box: every word in any column; quotes keep words together."""
    words = [first or second for first, second in re.findall(r'"([^"]+)"|(\S+)', query)]
    terms = [" OR ".join(f"{column} LIKE ?" for column in columns) for _ in words]
    return (
        " AND ".join(f"({term})" for term in terms),
        tuple(f"%{word}%" for word in words for _ in columns),
    )


def _marks(values: Sequence[object]) -> str:
    """Return placeholders for a list."""
    return ", ".join("?" for _ in values)


def related(
    *,
    owner: str,
    join_table: str,
    owner_key: str,
    foreign_key: str,
    tree: tuple[str, str, str] | None = None,
) -> Handler:
    """Filter by related objects, given by id: any of them, all, only these, or none.

    ``tree`` is the table, parent column and child column by which ``depth`` takes descendants in.
    """
    inside = f"{owner}.id IN (SELECT {owner_key} FROM {join_table} WHERE {foreign_key} IN (%s))"

    def handle(condition: Condition, criterion: Mapping[str, Any]) -> None:
        modifier, depth = criterion["modifier"], criterion.get("depth") or 0
        linked = f"(SELECT {{}} FROM {join_table} r WHERE r.{owner_key} = {owner}.id)"
        if modifier in ("IS_NULL", "NOT_NULL"):
            condition.where.append(
                (
                    ("NOT EXISTS " if modifier == "IS_NULL" else "EXISTS ")
                    + linked.format("1"),
                    (),
                )
            )
            return
        wanted = numbers(criterion.get("value"))
        unwanted = numbers(criterion.get("excludes"))
        if modifier == "EXCLUDES":
            wanted, unwanted = [], wanted + unwanted
        if wanted and modifier not in ("INCLUDES", "INCLUDES_ALL", "EQUALS"):
            raise StashError(
                f"{modifier} modifier is not supported for multi criterion input"
            )
        for group in (
            [wanted]
            if modifier == "INCLUDES" and wanted
            else [[each] for each in wanted]
        ):
            members, params = _members(group, depth, tree)
            condition.where.append((inside % members, params))
        if wanted and modifier == "EQUALS":
            condition.where.append((f"{linked.format('count(*)')} = ?", (len(wanted),)))
        if unwanted:
            members, params = _members(unwanted, depth, tree)
            condition.where.append((f"NOT {inside % members}", params))

    return handle


def _members(
    ids: list[int], depth: int, tree: tuple[str, str, str] | None
) -> tuple[str, tuple[Param, ...]]:
    """Return the set of some objects and of what stands below them; a depth of -1 has no bottom."""
    if tree is None or depth == 0:
        return ", ".join("?" for _ in ids), tuple(ids)
    table, parent, child = tree
    roots = ", ".join("(?, 0)" for _ in ids)
    return (
        f"WITH RECURSIVE below (id, level) AS (VALUES {roots} UNION SELECT {table}.{child}, level + 1 FROM {table}"
        f" JOIN below ON {table}.{parent} = below.id WHERE ? < 0 OR level < ?) SELECT id FROM below"
    ), (*ids, depth, depth)


def numbers(values: Sequence[str] | None) -> list[int]:
    """Read ids, which GraphQL sends as texts."""
    try:
        return [int(value) for value in values or ()]
    except ValueError as err:
        bad = next(value for value in values or () if not value.lstrip("-").isdigit())
        raise StashError(f'strconv.Atoi: parsing "{bad}": invalid syntax') from err
