"""The history for actions and the review page, and how they choose what to undo."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.util.json import JsonObjectType

from ..answers import iso
from ..const import CONF_KEEP_HISTORY, DEFAULT_KEEP_HISTORY
from ..coordinator import PlexSyncCoordinator
from ..engine.history.history import UNDO
from ..engine.history.view import HistoryPage, HistoryRun, Wanted, WrittenRow
from ..engine.model.fields import FIELDS
from ..engine.undo.undoing import Which, every_field
from ..errors import invalid
from .record_input import rating_key
from .schemas import (
    ATTR_BEFORE,
    ATTR_FIELD,
    ATTR_LIMIT,
    ATTR_RATING_KEY,
    ATTR_SEARCH,
    ATTR_SINCE,
    ATTR_SOURCE,
    ATTR_UNTIL,
)
from .which_source import source_id

_MICROSECOND: Final = 1e-6


async def async_history(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Return one page of the history, with the current titles in Plex."""
    page = await coordinator.engine.history.page(await _wanted(coordinator, data))
    keys = {row.rating_key for row in page.rows if row.rating_key}
    titles = await coordinator.engine.on_demand.titles(sorted(keys))
    return _answer(coordinator, page, titles)


async def async_runs(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Return the runs, newest first."""
    limit = data[ATTR_LIMIT]
    runs = await coordinator.engine.history.runs(limit, data.get(ATTR_BEFORE))
    return {
        "runs": [_run(run) for run in runs],
        "next": runs[-1].id if len(runs) == limit else None,
    }


async def async_run_of(coordinator: PlexSyncCoordinator, number: int) -> HistoryRun:
    """Return one run that can be undone. Raises ServiceValidationError."""
    run = await coordinator.engine.history.find_run(number)
    if run is None or run.source == UNDO:
        raise invalid("run_unknown")
    return run


async def async_source_of_history(coordinator: PlexSyncCoordinator, given: str) -> str:
    """Return the id of a source that wrote something; it may have been removed since.

    Raises ServiceValidationError for a source that never existed.
    """
    if await coordinator.engine.history.knows(given):
        return given
    return source_id(coordinator, given)


def bounds(data: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the first and last moment that are meant, in seconds since the epoch.

    The history keeps moments more exactly than it shows them, so each bound is a little
    wider. Raises ServiceValidationError.
    """
    since, until = data.get(ATTR_SINCE), data.get(ATTR_UNTIL)
    if since is not None and until is not None and until < since:
        raise invalid("until_before_since")
    return (
        None if since is None else since.timestamp() - _MICROSECOND,
        None if until is None else until.timestamp() + _MICROSECOND,
    )


def chosen_fields(names: list[str] | None) -> Which:
    """Choose fields by name, or all of them if none is named.

    Raises ServiceValidationError for an unknown field.
    """
    if names is None:
        return every_field
    for name in names:
        if name not in FIELDS:
            raise invalid("unknown_field", field=name)
    return lambda rows: rows[0].field in names


async def _wanted(coordinator: PlexSyncCoordinator, data: Mapping[str, Any]) -> Wanted:
    source, key = data.get(ATTR_SOURCE), data.get(ATTR_RATING_KEY)
    since, until = bounds(data)
    return Wanted(
        source=None
        if source is None
        else await async_source_of_history(coordinator, source),
        rating_key=None if key is None else rating_key(key),
        field=data.get(ATTR_FIELD),
        since=since,
        until=until,
        search=data.get(ATTR_SEARCH) or None,
        limit=data[ATTR_LIMIT],
        before=data.get(ATTR_BEFORE),
    )


def _answer(
    coordinator: PlexSyncCoordinator, page: HistoryPage, titles: Mapping[str, str]
) -> JsonObjectType:
    options = coordinator.config_entry.options
    return {
        "rows": [_row(row, titles.get(row.rating_key)) for row in page.rows],
        "total": page.total,
        "next": page.next,
        "kept_days": options.get(CONF_KEEP_HISTORY, DEFAULT_KEEP_HISTORY),
        "oldest": iso(page.oldest),
    }


def _row(row: WrittenRow, title: str | None) -> JsonObjectType:
    changes: list[JsonObjectType] = [
        {
            "field": name,
            "before": before,
            "after": after,
            "undone": name in row.taken_back,
        }
        for name, before, after in row.changes
    ]
    return {
        "id": row.id,
        "run": row.run,
        "at": iso(row.at),
        "source": row.source,
        "key": row.key,
        "rating_key": row.rating_key or None,
        "title": title,
        "path": row.path or None,
        "library": row.section or None,
        "changes": list(changes),
        "undone": bool(changes) and len(row.taken_back) == len(changes),
    }


def _run(run: HistoryRun) -> JsonObjectType:
    return {
        "run": run.id,
        "source": run.source,
        "from": iso(run.first),
        "until": iso(run.last),
        "items": run.items,
        "fields": run.fields,
        "undone": run.undone,
    }
