"""Whether the ledger is the one that this server's circuit knows."""

from random import Random
from sqlite3 import Connection

from ..circuit.circuit import Circuit
from ..database import stats
from ..database.database import Database
from ..database.notes import Notes
from ..model.holds import Hold
from . import sources_lead


class LedgerIdentity:
    """Hold writing while the ledger is in doubt."""

    def __init__(
        self, database: Database, notes: Notes, circuit: Circuit, random: Random
    ) -> None:
        """Take both stores: each keeps the ledger's id."""
        self._database = database
        self._notes = notes
        self._circuit = circuit
        self._random = random

    @property
    def lost(self) -> bool:
        """Whether writing is held because the ledger is in doubt."""
        return Hold.LEDGER in self._circuit.holds

    async def recognise(self) -> None:
        """Hold writing when this is not the ledger that the circuit's store knows.

        Nor is it when it came back from a backup: then Plex is newer.
        """
        mine = await self._notes.get("ledger_id")
        known = self._circuit.ledger_id
        if self._database.file.restored or (known is not None and mine != known):
            self._circuit.hold(Hold.LEDGER, True)
        elif mine is None:
            await self.accept()
        elif known is None:
            self._circuit.ledger_id = mine
            await self._circuit.save()

    async def accept(self, *, lead: bool = False) -> None:
        """Go on with the ledger there is: what stands in Plex is adopted as found.

        With ``lead`` the sources lead once over what is locked: see ``sources_lead``.
        """
        name = f"{self._random.getrandbits(64):016x}"

        def accept(db: Connection) -> None:
            stats.keep(db, "ledger_id", name)
            sources_lead.answer(db, lead=lead)
            self._database.file.accept(db)

        await self._database.run(accept)
        self._circuit.ledger_id = name
        await self._circuit.save()
        self._circuit.hold(Hold.LEDGER, False)

    async def is_to_compare(self) -> bool:
        """Return whether the sources lead, and wait for a whole comparison."""
        due = await self._database.run(sources_lead.is_to_compare, durable=False)
        return due and not self.lost
