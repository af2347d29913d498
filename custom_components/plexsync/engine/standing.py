"""Where records and jobs stand, and what they wait for."""

from typing import Any

from . import jobs_view
from .breaker import State
from .circuit import Circuit
from .database import Database, StorageClosedError
from .jobs_view import JobInfo
from .record import Outcome


class Standing:
    """Look at the queue, and at the circuit for why nothing moves."""

    def __init__(self, database: Database, circuit: Circuit) -> None:
        """Take both."""
        self._database = database
        self._circuit = circuit

    def waiting_reason(self) -> str | None:
        """Say why nothing moves at the moment: held, circuit_open, or None."""
        if self._circuit.holds:
            return "held"
        if self._circuit.breaker.state is not State.CLOSED:
            return "circuit_open"
        return None

    def queued(self) -> Outcome:
        """Give the outcome so far of a record that is on disk."""
        return Outcome("queued", self.waiting_reason())

    async def of(self, source: str, key: str) -> Outcome:
        """Say where a record that was accepted stands."""
        try:
            info = await self._database.run(
                lambda db: jobs_view.find_job(db, source, key), durable=False
            )
        except StorageClosedError:
            return self.queued()
        if info is None:
            return Outcome("unchanged")
        if info.state in ("failed", "skipped"):
            return Outcome(info.state, info.reason)
        return Outcome("queued", info.reason or self.waiting_reason())

    async def jobs(self, **filters: Any) -> tuple[list[JobInfo], int]:
        """Give one page of jobs and how many there are; see ``jobs_view.listing``."""
        why = self.waiting_reason()
        return await self._database.run(
            lambda db: jobs_view.listing(db, unsaid=why, **filters), durable=False
        )

    async def reasons(self) -> dict[str, int]:
        """Count the jobs that have a reason, by state and reason."""
        return await self._database.run(jobs_view.reasons, durable=False)
