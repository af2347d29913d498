"""Where records and jobs stand, and what they wait for."""

from typing import Any

from ..circuit.breaker import State
from ..circuit.circuit import Circuit
from ..database.database import Database, StorageClosedError
from ..model.holds import foremost
from ..model.outcome import Outcome
from ..model.reasons import Reason
from . import jobs_view
from .jobs_view import JobInfo
from .source_holds import SourceHolds


class JobStatus:
    """Look at the queue, and at the circuit for why nothing moves."""

    def __init__(
        self, database: Database, circuit: Circuit, source_holds: SourceHolds
    ) -> None:
        """Take the database, and what may hold jobs."""
        self._database = database
        self._circuit = circuit
        self._source_holds = source_holds

    def hold_of(self, source: str) -> str | None:
        """Name what holds the jobs of a source, the server's first."""
        return foremost(self._circuit.holds) or foremost(self._source_holds.of(source))

    def _why_all_wait(self) -> str | None:
        """Return why even jobs without a reason of their own wait now, None if they do not."""
        if self._circuit.holds:
            return "held"
        if self._circuit.breaker.state is not State.CLOSED:
            return Reason.CIRCUIT_OPEN
        return None

    def queued(self, source: str) -> Outcome:
        """Return the outcome so far of a record that is on disk."""
        held = self.hold_of(source) is not None
        return Outcome("queued", Reason.HELD if held else self._why_all_wait())

    async def of(self, source: str, key: str) -> Outcome:
        """Say where a record that was accepted stands."""
        try:
            info = await self._database.run(
                lambda db: jobs_view.find_job(db, source, key), durable=False
            )
        except StorageClosedError:
            return self.queued(source)
        if info is None:
            return Outcome("unchanged")
        if info.state in ("failed", "skipped"):
            return Outcome(info.state, info.reason)
        return Outcome("queued", info.reason or self._why_all_wait())

    async def jobs(self, **filters: Any) -> tuple[list[JobInfo], int]:
        """Return one page of jobs and how many there are; see ``jobs_view.listing``."""
        why, hold = self._why_all_wait(), foremost(self._circuit.holds)
        return await self._database.run(
            lambda db: jobs_view.listing(db, why_all_wait=why, hold=hold, **filters),
            durable=False,
        )

    async def reasons(self) -> dict[str, int]:
        """Count the jobs that have a reason, by state and reason."""
        return await self._database.run(jobs_view.reasons, durable=False)

    async def failed(self) -> dict[str, int]:
        """Count the failed jobs by their reason, most first."""
        return await self._database.run(jobs_view.failed_by_reason, durable=False)
