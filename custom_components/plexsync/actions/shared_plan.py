"""The plan for the action and the review page, and what the owner decides there."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
import contextlib
from dataclasses import replace
from itertools import batched, groupby
from operator import itemgetter
from typing import Any, Final

from homeassistant.util.json import JsonObjectType, JsonValueType

from ..answers import plan_state, unwritten
from ..const import DOMAIN, SCOPE_PLAN, SOURCE_ACTION
from ..coordinator import PlexSyncCoordinator
from ..engine.database.database import StorageError
from ..engine.jobs.job import Priority
from ..engine.ledger.left_alone import Rule
from ..engine.model.change import Change
from ..engine.model.faults import Fault
from ..engine.model.fields import FIELDS
from ..engine.model.reasons import Reason
from ..engine.model.record import Record
from ..engine.plan.lookup_result import LookupResult
from ..engine.plan.plan_cache import Filter, PlannedRecord
from ..engine.review import Fresh
from ..errors import invalid
from .schemas import (
    ATTR_DIGEST,
    ATTR_FIELD,
    ATTR_ITEMS,
    ATTR_KEY,
    ATTR_LEAVE,
    ATTR_LIBRARY,
    ATTR_LIMIT,
    ATTR_OFFSET,
    ATTR_SEARCH,
    ATTR_SOURCE,
)
from .which_source import source_id

_PATIENCE: Final = 2.0  # seconds to wait for a source to tell titles
_AT_ONCE: Final = 100  # records that are fetched and compared together


def _filter(coordinator: PlexSyncCoordinator, data: Mapping[str, Any]) -> Filter:
    source = data.get(ATTR_SOURCE)
    return Filter(
        source=None if source is None else source_id(coordinator, source),
        field=data.get(ATTR_FIELD),
        library=data.get(ATTR_LIBRARY),
        search=data.get(ATTR_SEARCH),
    )


async def get_plan(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """List what would be written, according to the last comparison."""
    review, chosen = coordinator.engine.review, _filter(coordinator, data)
    rows = await review.page(chosen, data[ATTR_LIMIT], data[ATTR_OFFSET])
    totals = await review.totals(chosen)
    return {
        **plan_state(coordinator.engine, coordinator.runners),
        "total": totals.records,
        "by_field": dict(totals.by_field),
        "by_source": dict(totals.by_source),
        "by_library": dict(totals.by_library),
        "rows": [_row(row) for row in rows],
    }


def _row(row: PlannedRecord) -> JsonObjectType:
    return {
        "source": row.source,
        "key": row.key,
        "rating_key": row.rating_key,
        "title": row.title,
        "library": row.library,
        "items": row.items,
        "fields": list(row.fields),
        "kept": dict(row.kept),
        "digest": row.digest,
    }


async def compute_plan(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Start a comparison that writes nothing, and return at once."""
    source = data.get(ATTR_SOURCE)
    if source is not None and source not in coordinator.runners:
        raise invalid("source_unknown", source=source)
    coordinator.reconcile.start(SCOPE_PLAN, source)
    return await coordinator.reconcile.answer(0)


async def planned_item(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Compare one record with Plex now, and show what would be written."""
    whose = data[ATTR_SOURCE], data[ATTR_KEY]
    found = (await _records(coordinator, [whose]))[whose]
    if isinstance(found, str):
        return {"reason": found, "items": []}
    (fresh,) = await coordinator.engine.review.look([found])
    return _fresh(fresh)


async def _records(
    coordinator: PlexSyncCoordinator, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Record | str]:
    """Ask sources for records, and the queue for those of actions. Raises Fault.

    A record that cannot be had is replaced by the reason.
    """
    found: dict[tuple[str, str], Record | str] = {}
    by_source: dict[str, list[str]] = {}
    for source, key in wanted:
        by_source.setdefault(source, []).append(key)
    for source, keys in by_source.items():
        if (runner := coordinator.runners.get(source)) is not None:
            # A source leaves out what it cannot read now.
            said, why = await runner.source.fresh(keys), Reason.SOURCE_AWAY
        else:
            said, why = (
                await coordinator.engine.review.waiting(source, keys),
                Reason.GONE,
            )
        found |= {(source, key): said.get(key, why) for key in keys}
    return found


def _fresh(fresh: Fresh) -> JsonObjectType:
    targets = fresh.lookup.targets
    answer: JsonObjectType = {
        "digest": fresh.digest,
        "items": [_item(target) for target in targets if target.item is not None],
        "left_alone": list(fresh.left_alone),
        "to_be_compared": list(fresh.unseen),
    }
    if not answer["items"]:
        answer["reason"] = targets[0].reason
        answer["candidates"] = list(targets[0].candidates)
    return answer


def _item(lookup: LookupResult) -> JsonObjectType:
    assert lookup.item is not None
    item, plan = lookup.item, lookup.plan
    return {
        "rating_key": item.rating_key,
        "title": str(item.fields.get("title") or ""),
        "library": item.section,
        "changes": [_change(change) for change in plan.changes],
        **unwritten(plan),
    }


def _change(change: Change) -> JsonObjectType:
    """Show one change, and whether the field was locked before."""
    shown = change.as_dict()
    return {
        "field": change.field,
        "kind": str(FIELDS[change.field].kind),
        "before": shown["before"],
        "after": shown["after"],
        "removed": list(change.remove),
        "locked": change.was_locked,
    }


async def write_plan(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Queue some records, if their plans are still the ones that were shown."""
    shown = {
        (each[ATTR_SOURCE], each[ATTR_KEY]): each[ATTR_DIGEST]
        for each in data[ATTR_ITEMS]
    }
    return {"items": await _write(coordinator, shown)}


async def _write(
    coordinator: PlexSyncCoordinator,
    shown: Mapping[tuple[str, str], str],
    priority: Priority = Priority.INTERACTIVE,
) -> list[JsonValueType]:
    found = await _records(coordinator, list(shown))
    there = [
        (record, shown[whose])
        for whose, record in found.items()
        if isinstance(record, Record)
    ]
    answers = await coordinator.engine.review.write(there, priority)
    statuses: list[JsonValueType] = [
        {
            "source": record.source,
            "key": record.key,
            "status": answer.status,
            "reason": answer.reason,
        }
        for (record, _), answer in zip(there, answers, strict=True)
    ]
    return statuses + [
        {"source": source, "key": key, "status": "failed", "reason": why}
        for (source, key), why in found.items()
        if isinstance(why, str)
    ]


async def write_whole_plan(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Queue all rows that match a filter; rows without a job are fetched in the background.

    What cannot be fetched now stays in the plan.
    """
    chosen = _filter(coordinator, data)
    number, unknown = await coordinator.engine.review.write_all(chosen)

    async def ask() -> None:
        for some in batched(unknown.items(), _AT_ONCE, strict=False):
            with contextlib.suppress(Fault, StorageError):
                await _write(coordinator, dict(some), Priority.BULK)

    if unknown:
        coordinator.config_entry.async_create_background_task(
            coordinator.hass, ask(), f"{DOMAIN} write plan"
        )
    return {"queued": number, "asked": len(unknown)}


async def leave_alone(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """Begin or stop to leave a field alone, for one record or for a whole source.

    Stop is possible for a source that was removed, too.
    """
    review, leaves = coordinator.engine.review, data[ATTR_LEAVE]
    rule = Rule(data[ATTR_SOURCE], data.get(ATTR_KEY), data[ATTR_FIELD])
    if not leaves and await review.leave(rule, leave=False):
        await _follow_again(coordinator, rule)
        return {"changed": True}
    rule = replace(rule, source=source_id(coordinator, rule.source))
    return {"changed": leaves and await review.leave(rule, leave=True)}


async def _follow_again(coordinator: PlexSyncCoordinator, rule: Rule) -> None:
    """Compare what was left alone so far: the record may not change again for long."""
    if rule.source not in (SOURCE_ACTION, *coordinator.runners):
        return
    if rule.key is None:
        # The plan lacks the field, and what is held is compared by no reconcile run.
        coordinator.engine.sweep.compared.pop(rule.source, None)
        coordinator.reconcile.start()
        return
    whose = rule.source, rule.key
    record = (await _records(coordinator, [whose]))[whose]
    if isinstance(record, Record):
        await coordinator.engine.arrivals.compare([record])


async def left_alone(
    coordinator: PlexSyncCoordinator, data: Mapping[str, Any]
) -> JsonObjectType:
    """List the fields that are left alone, with titles from Plex or else from the sources."""
    engine = coordinator.engine
    rules = await engine.review.rules(data[ATTR_LIMIT], data[ATTR_OFFSET])
    titles = await engine.on_demand.titles(sorted(set(rules.items.values())))
    named = {
        whose: titles[item] for whose, item in rules.items.items() if item in titles
    }
    named |= await _titles(
        coordinator,
        {
            (rule.source, rule.key)
            for rule in rules.page
            if rule.key is not None and (rule.source, rule.key) not in named
        },
    )
    return {
        "rules": [
            {
                "source": rule.source,
                "key": rule.key,
                "field": rule.field,
                "title": named.get((rule.source, rule.key)),
            }
            for rule in rules.page
        ],
        "total": rules.total,
    }


async def _titles(
    coordinator: PlexSyncCoordinator, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str | None], str]:
    """Name records by the titles that their sources say, as far as these answer."""
    found: dict[tuple[str, str | None], str] = {}
    by_source = groupby(sorted(wanted), key=itemgetter(0))
    for some in [list(each) for _, each in by_source]:
        with contextlib.suppress(Fault, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                records = await _records(coordinator, some)
            found |= {
                whose: title
                for whose, record in records.items()
                if isinstance(record, Record)
                and isinstance(title := record.fields.get("title"), str)
            }
    return found
