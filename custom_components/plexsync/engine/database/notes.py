"""Small things that are kept by name, beside jobs and ledger."""

from . import stats
from .database import Database


class Notes:
    """Read and write them. Raises StorageError."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def get(self, name: str) -> str | None:
        """Read one, None where there is none."""
        return await self._database.run(
            lambda db: stats.setting(db, name), durable=False
        )

    async def keep(self, name: str, value: str | None) -> None:
        """Write one; None takes it away."""
        await self._database.run(lambda db: stats.keep(db, name, value))

    async def cursor(self, source: str) -> str | None:
        """Return where a source was read up to."""
        return await self.get(f"cursor:{source}")
