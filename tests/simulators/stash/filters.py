"""The filters that take more than a column: nested ones, files, what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import Kind, StashError
from .conditions import Condition, Handler, build, compared, number, text, timestamp
from .store import Param

# "{sep}" stands for the server's path separator, until the query is run.
PATH = "folders.path || '{sep}' || files.basename"
_FILES = (
    "{how} JOIN scenes_files ON scenes_files.scene_id = scenes.id"
    " {how} JOIN files ON files.id = scenes_files.file_id"
    " {how} JOIN folders ON folders.id = files.parent_folder_id"
)
FILES = ("files", _FILES.format(how="LEFT"))
_EMPTY = "(SELECT NULL AS scene_id WHERE 0)"
_MISSING = {
    "performers": "SELECT 1 FROM performers_scenes r WHERE r.scene_id = scenes.id",
    "tags": "SELECT 1 FROM scenes_tags r WHERE r.scene_id = scenes.id",
    "movie": "SELECT 1 FROM groups_scenes r WHERE r.scene_id = scenes.id",
    "group": "SELECT 1 FROM groups_scenes r WHERE r.scene_id = scenes.id",
    "url": "SELECT 1 FROM scene_urls r WHERE r.scene_id = scenes.id",
    "stash_id": "SELECT 1 FROM scene_stash_ids r WHERE r.scene_id = scenes.id",
    "cover": "SELECT 1 FROM images r WHERE r.kind = 'scene' AND r.owner_id = scenes.id",
    "galleries": "SELECT 1 WHERE 0",
}
_MISSING_COLUMNS = {"title", "code", "details", "director", "date", "rating"}


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of object: its table, and what it can be found by."""

    name: str
    handlers: Mapping[str, Handler]
    columns: tuple[str, ...]
    joins: Mapping[str, str]
    sorts: Mapping[str, str]
    default_sort: str | None = None


# Filled by ``tables``: filters of one table may hold filters of another.
TABLES: dict[str, Table] = {}


def select_ids(table: Table, condition: Condition) -> tuple[str, list[Param]]:
    """Return the query for the ids a condition leaves, without order or limit."""
    where, params = condition.sql_where()
    joins = condition.all_joins()
    sql = f'SELECT "{table.name}".id FROM "{table.name}" {" ".join(joins.values())}'
    if where:
        sql += f" WHERE {where}"
    if joins:
        sql += f' GROUP BY "{table.name}".id'
    return sql, params


def nested(
    table_name: str, column: str, join: tuple[str, str] | None = None
) -> Handler:
    """Filter by a condition on a related object; the join is an inner one."""

    def handle(condition: Condition, criteria: Mapping[str, Any]) -> None:
        table = TABLES[table_name]
        sql, params = select_ids(table, build(table.handlers, criteria))
        if join is not None:
            condition.joins[join[0]] = join[1]
        condition.where.append((f"{column} IN ({sql})", tuple(params)))

    return handle


_FILE_HANDLERS: dict[str, Handler] = {
    "path": text(PATH),
    "basename": text("files.basename"),
    "dir": text("folders.path"),
    "mod_time": timestamp("files.mod_time"),
    "created_at": timestamp("files.created_at"),
    "updated_at": timestamp("files.updated_at"),
}


def files_filter(condition: Condition, criteria: Mapping[str, Any]) -> None:
    """Filter scenes by their files."""
    inner = build(_FILE_HANDLERS, criteria)
    condition.joins["files"] = _FILES.format(how="INNER")
    where, params = inner.sql_where()
    if where:
        condition.where.append((where, tuple(params)))


def galleries_filter(condition: Condition, criteria: Mapping[str, Any]) -> None:
    """Filter scenes by galleries, of which the simulator has none."""
    condition.joins["galleries"] = (
        f"INNER JOIN {_EMPTY} AS galleries ON galleries.scene_id = scenes.id"
    )


def is_missing(condition: Condition, what: str) -> None:
    """Filter scenes that lack something."""
    if not what:
        return
    if what == "studio":
        condition.where.append(("scenes.studio_id IS NULL", ()))
    elif what in _MISSING:
        condition.where.append((f"NOT EXISTS ({_MISSING[what]})", ()))
    elif what in _MISSING_COLUMNS:
        condition.where.append(
            (f"scenes.{what} IS NULL OR trim(scenes.{what}) = ''", ())
        )
    else:
        raise StashError(f"invalid is_missing field: {what}")


def counted(join_table: str, key: str, owner: str) -> Handler:
    """Filter by how many related rows there are."""
    return number(f"(SELECT count(*) FROM {join_table} r WHERE r.{key} = {owner}.id)")


def fingerprint(kind: str) -> Handler:
    """Filter scenes by a fingerprint of one of their files."""
    alias = f"prints_{kind}"
    join = (
        f"LEFT JOIN scenes_files AS of_{alias} ON of_{alias}.scene_id = scenes.id LEFT JOIN files_fingerprints AS {alias}"
        f" ON {alias}.file_id = of_{alias}.file_id AND {alias}.type = '{kind}'"
    )
    return text(f"{alias}.fingerprint", (alias, join))


def stash_id(condition: Condition, criterion: Mapping[str, Any]) -> None:
    """Filter scenes by the id of a stash-box."""
    inner, params = compared(
        "r.stash_id",
        {"value": criterion.get("stash_id"), "modifier": criterion["modifier"]},
    )
    if endpoint := criterion.get("endpoint"):
        inner, params = f"({inner}) AND r.endpoint = ?", (*params, endpoint)
    condition.where.append(
        (
            f"EXISTS (SELECT 1 FROM scene_stash_ids r WHERE r.scene_id = scenes.id AND {inner})",
            params,
        )
    )


def aliases(kind: Kind) -> Handler:
    """Filter by an alias."""
    join = f"LEFT JOIN aliases ON aliases.kind = '{kind}' AND aliases.owner_id = \"{kind}\".id"
    return text("aliases.alias", ("aliases", join))
