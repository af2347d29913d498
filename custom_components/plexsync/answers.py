"""What the actions answer: plain JSON, with times in ISO 8601 and UTC."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType, JsonValueType

from .const import SOURCE_ACTION
from .engine.circuit.outages import DAY, MEAN_WINDOW, Outage
from .engine.engine import Engine
from .engine.jobs import skipped
from .engine.jobs.jobs_view import JobInfo
from .engine.model.change import Kept
from .engine.model.outcome import ItemOutcome, Outcome
from .engine.model.reasons import Reason
from .engine.on_demand import Preview
from .engine.plan.plan import Plan

# What a comparison counts: by kind, and some kinds by reason. These are lists of all
# that may be shown, so that nothing private slips through.
KINDS: Final = ("in_line", "differs", "missing", "ambiguous", "pending", "failed")
BY_REASON: Final[Mapping[str, Collection[str]]] = {
    "kept": tuple(Kept),
    "skipped": sorted(skipped.REASONS),
}
WINDOWS: Final = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def iso(seconds: float | None) -> str | None:
    """Return a time in ISO 8601."""
    if seconds is None:
        return None
    return dt_util.utc_from_timestamp(seconds).isoformat()


def outcome_answer(engine: Engine, key: str, outcome: Outcome) -> JsonObjectType:
    """Describe how a record fared and, if it waits, what it waits for."""
    answer: JsonObjectType = {"status": outcome.status, "key": key}
    hold = engine.job_status.hold_of(SOURCE_ACTION)
    if outcome.status == "written":
        answer["changes"] = [change.as_dict() for change in outcome.changes]
    elif outcome.status != "unchanged" and outcome.reason is not None:
        answer["reason"] = outcome.reason
    if outcome.reason == Reason.CIRCUIT_OPEN:
        answer["next_probe"] = iso(engine.circuit.next_probe())
    if outcome.status == "queued" and hold is not None:
        answer["hold"] = hold
    if outcome.kept:
        answer["kept"] = dict(outcome.kept)
    if outcome.items:
        answer["items"] = [_item(item) for item in outcome.items]
    return answer


def _item(item: ItemOutcome) -> JsonObjectType:
    """Describe how one item of a record fared."""
    answer: JsonObjectType = {"rating_key": item.rating_key, "status": item.status}
    if item.reason is not None:
        answer["reason"] = item.reason
    if item.changes:
        answer["changes"] = [change.as_dict() for change in item.changes]
    if item.kept:
        answer["kept"] = dict(item.kept)
    return answer


def counts_answer(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return a comparison's counts by kind, and by reason for kinds that have several."""
    answer: dict[str, Any] = {kind: counts[kind] for kind in KINDS if kind in counts}
    for kind, reasons in BY_REASON.items():
        found = {
            str(reason): counts[f"{kind}:{reason}"]
            for reason in reasons
            if f"{kind}:{reason}" in counts
        }
        if found:
            answer[kind] = found
    return answer


def preview_answer(preview: Preview) -> JsonObjectType:
    """Describe a plan, or why there is none."""
    items = [_planned(key, plan) for key, plan in preview.plans.items()]
    first = next((item for item in items if "reason" not in item), _NOTHING)
    answer: JsonObjectType = {**first, "items": list(items)}
    if preview.unseen:
        answer["to_be_compared"] = list(preview.unseen)
    if preview.reason is not None:
        answer["reason"] = preview.reason
        answer["candidates"] = list(preview.candidates)
    return answer


_NOTHING: Final[JsonObjectType] = {
    "rating_key": None,
    "changes": [],
    "adopted": [],
    "kept": {},
}


def _planned(rating_key: str, plan: Plan | str) -> JsonObjectType:
    """Describe what would be written to one item, or why that is unknown."""
    if isinstance(plan, str):
        return {"rating_key": rating_key, "reason": plan}
    return {
        "rating_key": rating_key,
        "changes": [change.as_dict() for change in plan.changes],
        **unwritten(plan),
    }


def unwritten(plan: Plan) -> JsonObjectType:
    """Name the fields that are adopted as they are, and those left alone, with the reason."""
    return {
        "adopted": [change.field for change in plan.adopted],
        "kept": {name: str(kept) for name, kept in plan.kept.items()},
    }


def plan_state(engine: Engine, sources: Collection[str]) -> JsonObjectType:
    """Return how old the plan of some sources is, and how far a comparison under way is.

    It is as old as that of the source that was compared longest ago. Of sources that were
    not all compared since the start there is no whole plan.
    """
    progress, compared = engine.sweep.progress, engine.sweep.compared
    moments = [compared[source] for source in sources if source in compared]
    is_whole = len(moments) == len(sources)
    return {
        "computed": iso(min(moments, default=None) if is_whole else None),
        "computed_by_source": {source: iso(compared.get(source)) for source in sources},
        "running": progress is not None,
        "progress": None if progress is None else round(progress, 1),
    }


def job_answer(job: JobInfo, wall: Callable[[float], float]) -> JsonObjectType:
    """Describe a job; ``wall`` turns the queue's times into seconds since the epoch."""
    due, past = job.next_attempt, job.history
    return {
        "id": job.id,
        "source": job.source,
        "key": job.key,
        "state": job.state,
        "reason": job.reason,
        "hold": job.hold,
        "candidates": list(job.candidates),
        "kept": dict(job.kept),
        "items": [_item(item) for item in job.items],
        "attempts": job.attempts,
        "enqueued": iso(wall(job.enqueued)),
        "next_attempt": None if due is None else iso(wall(due)),
        "paths": list(job.paths),
        "fields": list(job.fields),
        "history": None
        if past is None
        else {
            "failures": past.failures,
            "first": iso(wall(past.first)),
            "last": iso(wall(past.last)),
            "retries": past.retries,
        },
    }


def outages_answer(engine: Engine) -> JsonObjectType:
    """Describe the outages, newest first, and the figures that follow from them."""
    log, now = engine.circuit.outages, engine.clock.wall()
    availability: dict[str, JsonValueType] = {}
    for name, window in WINDOWS.items():
        shares = log.availability(now, window)
        availability[name] = {
            "availability": shares.availability,
            "coverage": shares.coverage,
        }
    return {
        "outages": [_outage(outage) for outage in reversed(log.outages)],
        "unknown": [
            {"start": iso(start), "end": iso(end)}
            for start, end in reversed(log.blind(now, MEAN_WINDOW))
        ],
        "mttr": log.mttr(now),
        "mtbf": log.mtbf(now),
        "availability": availability,
    }


def _outage(outage: Outage) -> JsonObjectType:
    return {
        "start": iso(outage.start),
        "end": iso(outage.end),
        "duration": outage.duration,
        "cause": outage.cause,
        "jobs": outage.jobs,
        "probes": outage.probes,
        "ended_by": outage.ended_by,
    }
