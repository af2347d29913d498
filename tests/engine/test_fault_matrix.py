"""Every fault of a server at every step of a job, and what became of it.

The table in ``docs/fault-matrix.md`` is what these tests saw; with
``PLEXSYNC_WRITE_DOCS=1`` they write it anew.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.plexsync.engine.circuit.breaker import State
from custom_components.plexsync.engine.jobs.jobs_view import JobInfo
from custom_components.plexsync.engine.model.faults import Backoff, RetryPolicy
from custom_components.plexsync.engine.model.record import Find, Image, Record
from custom_components.plexsync.plex.deadlines import Deadlines
from tests.rig import Rig, library

DOCUMENT = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
DEADLINES = Deadlines(probe=1, read=1, listing=0.5, edit=0.5, upload=1)
# What waits for an item stays to be seen until it is woken.
RETRY = RetryPolicy(transient=Backoff(0.5, 1), missing=Backoff(120, 120))
_AT_ONCE = 12  # most of it is waiting
LISTING = r"/library/sections/\d+/all"

STEPS: dict[str, dict[str, Any]] = {
    "connect": {"path": r"^/identity$"},
    "find": {"path": LISTING, "method": "GET"},
    "read": {"path": r"/library/metadata/[\d,]+$", "method": "GET"},
    "edit": {"method": "PUT"},
    "poster": {"method": "POST"},
    "verify": {"path": r"/library/metadata/[\d,]+$", "method": "GET", "nth": 2},
}
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "refuse": ("kill", {"when": "before", "times": 1}),
    "dies after the effect": ("kill", {"when": "after", "times": 1}),
    "blackhole": ("blackhole", {}),
    "drip": ("drip", {"rate": 3}),
    "reset_before": ("reset_before", {}),
    "reset_mid_body": ("reset_mid_body", {}),
    "fin_early": ("fin_early", {}),
    "commit_then_drop": ("commit_then_drop", {}),
    "truncate": ("truncate", {"size": 20}),
    "garbage": ("garbage", {}),
    "html200": ("html200", {}),
    "json200": ("json200", {}),
    "empty200": ("empty200", {}),
    "wrong_xml": ("wrong_xml", {}),
    "maintenance 503": ("maintenance", {}),
    "maintenance 200": ("maintenance", {"code": 200}),
    "startup": ("startup", {}),
    "redirect_login": ("redirect_login", {}),
    "proxy_404": ("proxy_404", {}),
    "impostor": ("impostor", {}),
    "rate_limit": ("status", {"code": 429, "retry_after": 2}),
    **{f"status {code}": ("status", {"code": code}) for code in (
        400, 401, 403, 404, 409, 413, 414, 500, 502, 503, 504, 520)},
}  # fmt: skip


async def _look(rig: Rig, key: str) -> tuple[JobInfo | None, str | None]:
    """Give the job and, once there is something to tell, what became of it."""
    jobs, _ = await rig.engine.job_status.jobs()
    job = next((job for job in jobs if job.key == key), None)
    circuit = rig.engine.circuit
    if job is None:
        return None, "written"
    if circuit.breaker.state is not State.CLOSED:
        return job, "circuit open"
    if circuit.holds:
        return job, f"held: {next(iter(circuit.holds))}"
    if job.state == "failed":
        return job, f"failed: {job.reason}"
    if circuit.breaker.not_before > rig.clock.monotonic():
        return job, "waits as asked"
    if job.state == "waiting":
        return job, f"waits: {job.reason}"
    return job, None


async def _observe(rig: Rig, step: str, fault: str) -> str:
    """Let one job meet one fault, then take the fault away."""
    plex = rig.plex
    warm = Record("stash", "warm", Find((rig.path(1),)), {"title": "Warm"})
    await rig.submit([warm])
    await rig.drained()
    late = "/data/movies/Late (2001)/Late (2001).mkv"
    if step == "find":
        section = next(iter(plex.core.sections.values()))
        plex.core.add_item(section, "Late", file=late, announce=False)
    if step == "connect":
        await rig.restart()
    action, params = FAULTS[fault]
    plex.journal.clear()
    plex.faults.add(action, **params, **STEPS[step])
    path = late if step == "find" else rig.path(2)
    fields = {"title": "Newer", "poster": Image("/scene/2")}
    await rig.submit([Record("stash", "job", Find((path,)), fields)])
    seen = "nothing"

    async def told() -> bool:
        nonlocal seen
        job, what = await _look(rig, "job")
        if what is not None:
            seen = what if job is None else f"{what}, {job.attempts} attempts"
        return what is not None

    await rig.until(told)
    requests = len(plex.journal)
    plex.faults.clear()
    if not plex.running:
        await plex.start()
    rig.engine.circuit.breaker.not_before = 0.0
    rig.engine.health.hurry()
    await rig.engine.arrivals.came([])
    rig.engine.circuit.notify()
    if seen.startswith("failed"):
        await rig.engine.failed_jobs.retry()
    await rig.drained()
    item = next(item for item in rig.items() if path in item.files)
    assert item.title == "Newer"
    assert plex.whole_section_edits == 0
    assert requests <= 40
    log = rig.engine.circuit.outages
    assert len(log.outages) == seen.startswith("circuit open")
    return seen


@pytest.mark.parametrize("step", STEPS)
async def test_matrix(socket_enabled: None, tmp_path: Path, step: str) -> None:
    """No attempt for what the server did, every job written once it is well again."""
    rows: dict[str, str] = {}
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, fault: str) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with few, library(4) as plex:
            rig = Rig(plex, folder, deadlines=DEADLINES, retry=RETRY)
            await rig.start()
            try:
                rows[fault] = await _observe(rig, step, fault)
            except (AssertionError, TimeoutError) as error:
                rows[fault] = repr(error)  # the other faults shall be seen too
            finally:
                await rig.stop()

    async with asyncio.TaskGroup() as group:
        for number, fault in enumerate(FAULTS):
            group.create_task(one(number, fault))
    column = 1 + list(STEPS).index(step)
    table = _table()
    if os.environ.get("PLEXSYNC_WRITE_DOCS"):
        for fault in FAULTS:
            table.setdefault(fault, [fault, *STEPS])[column] = rows[fault]
        _write(table)
    assert rows == {fault: cells[column] for fault, cells in table.items()}


def _table() -> dict[str, list[str]]:
    """Read the document's rows, by fault."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text().splitlines()
    ]
    return {cells[0]: cells for cells in rows if cells[0] in FAULTS}


def _write(table: dict[str, list[str]]) -> None:
    """Put the rows back between the document's own words and what comes after them."""
    head, _, rest = DOCUMENT.read_text().partition("|---|")
    _, gap, after = rest.partition("\n\n")
    lines = ["|---|" + "---|" * len(STEPS)]
    lines += ["| " + " | ".join(table[fault]) + " |" for fault in FAULTS]
    DOCUMENT.write_text(head + "\n".join(lines) + (gap + after or "\n"))
