"""The run that compares all sources with Plex: the entry's own, whoever asked for it."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from .ask_sources import AllRecords, count_records
from .const import DOMAIN
from .engine.database import StorageError

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)

_RECENT = 7 * 86_400  # seconds that a "recent" run looks back
_JOIN = 5.0  # seconds that a run may take to stop


class ReconcileRun:
    """One run at a time; it goes on by itself until it is done or cancelled."""

    def __init__(self, coordinator: PlexSyncCoordinator) -> None:
        """Begin without one."""
        self._coordinator = coordinator
        self._task: asyncio.Task[dict[str, int]] | None = None
        self._records = AllRecords(())
        self._scope = ""

    @property
    def running(self) -> bool:
        """Say whether a run is under way."""
        return self._task is not None and not self._task.done()

    def start(self, scope: str = "all") -> None:
        """Begin a run, unless one is under way."""
        if self.running:
            return
        coordinator = self._coordinator
        since = coordinator.engine.clock.wall() - _RECENT if scope == "recent" else 0
        self._records = AllRecords(tuple(coordinator.runners.values()), since)
        self._scope = scope
        self._task = coordinator.config_entry.async_create_background_task(
            coordinator.hass, self._run(), f"{DOMAIN} reconcile"
        )
        # Nobody need wait for it, and then nobody asks how it ended.
        self._task.add_done_callback(
            lambda task: None if task.cancelled() else task.exception()
        )

    async def _run(self) -> dict[str, int]:
        engine, records = self._coordinator.engine, self._records
        try:
            return await engine.sweep.run(
                records,
                total=await count_records(tuple(self._coordinator.runners.values())),
                left_out=lambda: len(records.away),
            )
        except StorageError as error:
            _LOGGER.warning("The reconcile run ended early: %s", error)
            raise
        except Exception:
            _LOGGER.exception("The reconcile run ended early")
            raise

    async def answer(self, seconds: float) -> dict[str, Any]:
        """Say how the run stands, at most so much later. Raises StorageError."""
        if (task := self._task) is None:
            raise RuntimeError("no run was started")
        records, answer = self._records, {"scope": self._scope}
        if seconds:
            await asyncio.wait([task], timeout=seconds)
        if not task.done():
            progress = self._coordinator.engine.sweep.progress or 0.0
            return {"status": "running", "progress": round(progress, 1)} | answer
        if task.cancelled():
            return {"status": "cancelled"} | answer
        return {
            "status": "finished",
            "counts": task.result(),
            "sources_away": len(records.away),
        } | answer

    async def cancel(self) -> bool:
        """Stop the run; say whether there was one."""
        if (task := self._task) is None or task.done():
            return False
        task.cancel()
        await asyncio.wait([task], timeout=_JOIN)
        return True
