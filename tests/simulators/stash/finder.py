"""Finding: filter, search, order and page, as Stash does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import re
from typing import Any

from .base import StashError
from .conditions import Condition, build, search
from .core import StashCore
from .filters import Table, select_ids
from .store import Param
from .tables import TABLES

_PRIMARY = (
    "FROM scenes_files s JOIN files f ON f.id = s.file_id JOIN folders d ON d.id = f.parent_folder_id"
    ' WHERE s.scene_id = scenes.id AND s."primary" = 1'
)
_RANDOM = re.compile(r"random(?:_(\d+))?$")


@dataclass(frozen=True, slots=True)
class Page:
    """What was asked for in ``FindFilterType``."""

    q: str = ""
    page: int = 1
    per_page: int = 25
    sort: str | None = None
    direction: str = "ASC"

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Page:
        """Read the argument; what is null counts as not given."""
        return cls(
            **{
                name: value
                for name, value in (given or {}).items()
                if value is not None
            }
        )


@dataclass(frozen=True, slots=True)
class Query:
    """A query that can be run for ids, or counted."""

    core: StashCore
    table: Table
    sql: str
    params: list[Param]
    order: str

    def _run(self, sql: str) -> str:
        """Fill in what depends on the server."""
        return sql.replace("{sep}", self.core.separator)

    def ids(self, page: Page) -> list[int]:
        """Return the ids of one page; a page size of -1 means all."""
        sql, params = self.sql + self.order, list(self.params)
        if page.per_page >= 0:
            sql += " LIMIT ? OFFSET ?"
            params += [page.per_page, (max(page.page, 1) - 1) * page.per_page]
        return [int(row[0]) for row in self.core.store.rows(self._run(sql), params)]

    def count(self) -> int:
        """Return how many there are on all pages."""
        return self.core.store.number(
            self._run(f"SELECT count(*) FROM ({self.sql})"), self.params
        )

    def total(self, column: str) -> float:
        """Sum a column of all files of the scenes found: size or duration."""
        row = self.core.store.first(
            self._run(
                f"SELECT sum(f.{column}) FROM scenes_files s JOIN files f ON f.id = s.file_id WHERE s.scene_id IN ({self.sql})"
            ),
            self.params,
        )
        return float(row[0] or 0) if row else 0.0


def _order(table: Table, page: Page, strict: bool) -> str:
    """Return the ORDER BY; with no sort the order of scenes is not defined."""
    sort = page.sort or table.default_sort
    if sort is None:
        return ""
    direction = "DESC" if page.direction == "DESC" else "ASC"
    name = f'"{table.name}"'
    if match := _RANDOM.match(sort):
        # The seed only has to give each caller an order of its own that pages can share.
        seed = int(match[1]) % 100_000_000 if match[1] else None
        key = (
            "random()"
            if seed is None
            else f"(({name}.id + {seed}) * 2654435761) % 4294967296"
        )
        return f" ORDER BY {key} {direction}"
    if sort not in table.sorts:
        raise StashError(
            f"invalid sort: {sort}"
            if strict
            else f"no such column: {table.name}.{sort}"
        )
    key = table.sorts[sort].replace("{primary}", _PRIMARY)
    second = (
        ", natural(scenes.title), scenes.id"
        if table.name == "scenes" and sort != "id"
        else ""
    )
    return f" ORDER BY {key} {direction}{second}"


def query(
    core: StashCore,
    kind: str,
    criteria: Mapping[str, Any] | None,
    page: Page,
    *,
    strict_sort: bool = True,
) -> Query:
    """Make a query for scenes, performers, studios, tags or groups."""
    table = TABLES[kind]
    condition = build(table.handlers, criteria)
    if page.q.strip():
        # The search box joins the outermost condition, as one more term that must hold.
        outer = Condition(
            joins=dict(table.joins), where=[search(table.columns, page.q)]
        )
        where, params = condition.sql_where()
        if where:
            outer.where.append((where, tuple(params)))
        outer.joins |= condition.all_joins()
        condition = outer
    sql, params = select_ids(table, condition)
    return Query(core, table, sql, params, _order(table, page, strict_sort))


def chosen(core: StashCore, ids: Sequence[int]) -> Query:
    """Make a query for the scenes of given ids."""
    sql = "SELECT id FROM scenes WHERE id IN (SELECT value FROM json_each(?))"
    return Query(core, TABLES["scenes"], sql, [json.dumps(list(ids))], "")
