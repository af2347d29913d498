"""Another machine has the place of the server: its items have other keys.

What the ledger knows of an item goes on under the item's files, wherever they are now.

Every function is one step of a transaction under way (``Database.run``).
"""

from sqlite3 import Connection

from .database import stats
from .history import history
from .plan import approvals

_MACHINE = "machine"  # the setting that names the machine all keys are of
_NO_KEY = "0"  # no item has it: what is tied to it is looked for by its files


def recognise(db: Connection, machine: str) -> bool:
    """Return whether this is another machine than the one that the keys are of.

    If so, they are forgotten.
    """
    known = stats.setting(db, _MACHINE)
    if known == machine:
        return False
    stats.keep(db, _MACHINE, machine)
    if known is None:  # an earlier version kept no note of it
        return False
    _forget_keys(db)
    return True


def _forget_keys(db: Connection) -> None:
    # What has no file, a show for example, can never be told again.
    history.lose_items(db)
    for table, column in (
        ("written", "id / 1048576"),
        ("unconfirmed", "id / 1048576"),
        ("compared", "item"),
        ("undo_owed", "item"),
        ("part", "item"),
        ("item", "id"),
    ):
        db.execute(
            f"DELETE FROM {table} WHERE {column} IN"  # noqa: S608  # names of our own
            " (SELECT id FROM item WHERE path = '')"
        )
    db.execute("UPDATE item SET rating_key = '', section = ''")
    db.execute("UPDATE OR REPLACE part SET section = ''")
    # Who made a collection of that name there is not known.
    db.execute("DELETE FROM collection")
    db.execute("DELETE FROM target")
    approvals.forget_all(db)
    db.execute("UPDATE settled SET fingerprint = x'', plain = x'', rating_key = NULL")
    db.execute(
        "DELETE FROM pin WHERE NOT EXISTS (SELECT 1 FROM pin_file"
        " WHERE pin_file.source = pin.source AND pin_file.key = pin.key)"
    )
    db.execute("UPDATE pin SET rating_key = ?", (_NO_KEY,))
    # A job that knows nothing but a key ends as one whose item is not there.
    db.execute(
        "UPDATE job SET candidates = NULL,"
        " find = json_set(find, '$.rating_key', ?)"
        " WHERE json_extract(find, '$.rating_key') IS NOT NULL",
        (_NO_KEY,),
    )
