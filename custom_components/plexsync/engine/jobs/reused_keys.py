"""A source has reused a key: the record has other files than the one we knew by it.

This happens when a lost database is scanned anew, by an import, or with a restored copy.
What we keep under the key is then about another film.
"""

from collections.abc import Sequence
from sqlite3 import Connection

from ..ledger import known_pictures, pins
from ..ledger.ledger_tables import OF_RECORD, of_source
from ..model.record import Record
from . import dropping


def is_another(known: Sequence[str], files: Sequence[str]) -> bool:
    """Return whether two records have no file in common; False if those of one are unknown."""
    return bool(known and files) and not set(known) & set(files)


def begin_anew(db: Connection, record: Record, now: float) -> None:
    """Forget the record that had this key; its items follow whichever record has their files.

    What was written for it stays, and can be undone.
    """
    whose = record.source, record.key
    dropping.drop(db, *whose, now)
    db.execute(
        f"UPDATE written SET key = '' WHERE {of_source('?1')} AND {OF_RECORD}",  # noqa: S608  # our own words
        whose,
    )
    pins.untie(db, *whose)
    for image in record.pictures.values():
        known_pictures.forget(db, record.source, image.ref)
