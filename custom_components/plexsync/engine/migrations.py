"""The steps that lead a database from older versions to this one.

A new table needs no step: it stands in the SCHEMA of its module and is created where
it is missing. A change to an existing table, such as a new column, needs one. A step
must cope with the table as any earlier version left it, with no table at all, and with
one that has today's form already: the steps from 7 to 8 and from 8 to 9 lay tables out
by today's SCHEMA. To rebuild a cache a step just drops the tables. An index that
changes gets another name.

``sqlite_file`` refuses a file of a newer version, and leaves it alone.
"""

import sqlite3

from .database.layout import Step, add_column, statements
from .jobs import leases
from .ledger import ledger_tables, settled
from .model.revisions import revisions_to_text
from .util.digests import short_digest
from .util.json_text import load


def _see_turns(db: sqlite3.Connection) -> None:
    """Let a job tell of its last turn, and of what keeps it from the next."""
    add_column(db, "job", "tried REAL")
    add_column(db, "job", "solo INTEGER NOT NULL DEFAULT 0")
    add_column(db, "job", "blocked TEXT")
    add_column(db, "job", "snoozes INTEGER NOT NULL DEFAULT 0")
    db.execute("DROP INDEX IF EXISTS job_ready")
    add_column(db, "plex_section", "place TEXT")


def _carry_what_is_filled(db: sqlite3.Connection) -> None:
    """Let a job say itself what is only filled; and find a trial by an index."""
    add_column(db, "job", "fill_only TEXT NOT NULL DEFAULT '[]'")
    db.execute("DROP INDEX IF EXISTS job_turn")


def _tell_locks_apart(db: sqlite3.Connection) -> None:
    """Let a row say whose the lock is, how Plex shows its value, and what it gave up."""
    add_column(db, "ledger", "shown TEXT")
    add_column(db, "ledger", "locked INTEGER NOT NULL DEFAULT 0")
    add_column(db, "ledger", "before_year INTEGER")
    add_column(db, "ledger", "let_go INTEGER NOT NULL DEFAULT 0")
    if db.execute("PRAGMA table_info(ledger)").fetchone():
        # Whatever was owned was locked by the next write.
        db.execute("UPDATE ledger SET locked = 1 WHERE value IS NOT NULL")
    # The index of Plex is a cache, in which guids stood as each agent spells them.
    for table in ("plex_guid", "plex_part", "plex_item", "plex_section"):
        db.execute(f"DROP TABLE IF EXISTS {table}")


def _tell_records_apart(db: sqlite3.Connection) -> None:
    """Let what is kept of a record name its files, and when it was heard of."""
    for table in ("job", "settled"):
        add_column(db, table, "files TEXT NOT NULL DEFAULT '[]'")
        add_column(db, table, "heard REAL")


def _remember_what_was_kept(db: sqlite3.Connection) -> None:
    """Let what was brought into line name the fields that were left alone."""
    add_column(db, "settled", "kept TEXT")


def _hold_sources(db: sqlite3.Connection) -> None:
    """Let the jobs of a source that is held stand where nobody looks for work."""
    add_column(db, "job", "held INTEGER NOT NULL DEFAULT 0")
    for index in ("job_order", "job_tried", "job_enqueued"):
        db.execute(f"DROP INDEX IF EXISTS {index}")


def _write_rows_once(db: sqlite3.Connection) -> None:
    """Let each row of the ledger be written once, and be small: see ``ledger_tables``."""
    if not db.execute("PRAGMA table_info(ledger)").fetchone():
        return
    for statement in statements(ledger_tables.SCHEMA):
        if "VIEW" not in statement:  # a table has its name still
            db.execute(statement)
    for table, name, column in (
        ("ledger_field", "name", "field"),
        ("ledger_source", "name", "source"),
        ("moment", "at", "written"),
    ):
        db.execute(
            f"INSERT INTO {table} ({name}) SELECT DISTINCT {column} FROM ledger"  # noqa: S608  # our own words
            f" ORDER BY {column}"
        )
    rows = (
        " FROM ledger JOIN ledger_field ON ledger_field.name = field"
        " JOIN ledger_source ON ledger_source.name = source"
        " JOIN moment ON moment.at = written"
    )
    number = "item * 1048576 + ledger_field.id * 4096 + ledger_source.id"
    db.execute(
        "INSERT INTO written (id, key, value, shown, locked, before, before_known,"
        " before_locked, before_year, released, moment, place, let_go)"
        f" SELECT {number}, key, iif(pending, coalesce(intent, 'null'), value),"  # our own words
        " iif(pending, NULL, shown), iif(pending, intent <> 'null', locked), before,"
        f" before_known, before_locked, before_year, released, moment.id, place, let_go{rows}"
        " ORDER BY 1"
    )
    db.execute(
        "INSERT INTO unconfirmed (id, value, shown, locked, moment, earlier)"
        f" SELECT {number}, value, shown, locked, moment.id, earlier{rows}"  # our own words
        " WHERE pending ORDER BY 1"
    )
    db.execute("DROP TABLE ledger")
    db.execute("DROP INDEX IF EXISTS item_path")
    db.execute("UPDATE settled SET plain = '' WHERE plain = fingerprint")


def _let_items_name_keys(db: sqlite3.Connection) -> None:
    """Let a row of the ledger repeat no key that its item names."""
    db.execute(
        "UPDATE item SET record_key = coalesce((SELECT key FROM written"
        " WHERE id BETWEEN item.id * 1048576 AND item.id * 1048576 + 1048575"
        " LIMIT 1), '')"
    )
    db.execute("DROP VIEW IF EXISTS ledger")
    db.execute("ALTER TABLE written RENAME TO written_before")
    for statement in statements(ledger_tables.SCHEMA):
        db.execute(statement)
    db.execute(
        "INSERT INTO written (id, key, value, before, before_known, before_locked,"
        " before_year, released, moment, place, shown, locked, let_go)"
        " SELECT written_before.id, nullif(key, record_key), value, before,"
        " before_known, before_locked, before_year, released, moment, place, shown,"
        " locked, let_go FROM written_before"
        " LEFT JOIN item ON item.id = written_before.id / 1048576"
        " ORDER BY written_before.id"
    )
    db.execute("DROP TABLE written_before")


def _keep_it_small(db: sqlite3.Connection) -> None:
    """Keep digests instead of texts to find things by, and short names of fields."""
    # The index of Plex is a cache.
    for table in ("plex_section", "plex_item", "plex_part", "plex_guid"):
        db.execute(f"DROP TABLE IF EXISTS {table}")
    if db.execute("PRAGMA table_info(item)").fetchone():
        add_column(db, "item", "file INTEGER NOT NULL DEFAULT 0")
        db.create_function("short_digest", 1, short_digest)
        db.execute("UPDATE item SET file = short_digest(path)")
        db.execute("DROP INDEX IF EXISTS item_file")
        add_column(db, "item", "record_key TEXT NOT NULL DEFAULT ''")
    if db.execute("PRAGMA table_info(written)").fetchone():
        _let_items_name_keys(db)
    if db.execute("PRAGMA table_info(settled)").fetchone():
        db.execute("ALTER TABLE settled RENAME TO settled_before")
        for statement in statements(settled.SCHEMA):
            db.execute(statement)
        db.create_function("digest", 1, _shorten)
        db.create_function("revisions", 1, _short_revisions)
        db.execute(
            "INSERT INTO settled (source, key, fingerprint, plain, token, revisions,"
            " rating_key, files, heard, kept) SELECT source, key, digest(fingerprint),"
            " digest(plain), token, revisions(revisions), rating_key, files, heard, kept"
            " FROM settled_before"
        )
        db.execute("DROP TABLE settled_before")


def _shorten(fingerprint: str) -> bytes:
    """Return a fingerprint as it is kept now; what cannot be read equals no record's."""
    try:
        return bytes.fromhex(fingerprint)[:16]
    except ValueError:
        return b""


def _short_revisions(text: str) -> str:
    """Return revisions as they are kept now; of what cannot be read nothing is known."""
    try:
        return revisions_to_text(load(text))
    except ValueError, TypeError, AttributeError:
        return ""


def _shelve_files(db: sqlite3.Connection) -> None:
    """Find items by their files through an index of which little changes at a time."""
    db.execute("DROP INDEX IF EXISTS item_file_number")


def _keep_leases_apart(db: sqlite3.Connection) -> None:
    """Let a small table say which jobs are in flight: see ``leases``."""
    for index in ("job_next", "job_trial"):
        db.execute(f"DROP INDEX IF EXISTS {index}")
    columns = [row[1] for row in db.execute("PRAGMA table_info(job)")]
    if "leased" in columns:
        for statement in statements(leases.SCHEMA):
            db.execute(statement)
        db.execute(
            "INSERT INTO lease SELECT id, coalesce(tried, 0.0) FROM job"
            " WHERE leased IS NOT NULL"
        )
        db.execute("ALTER TABLE job DROP COLUMN leased")


# The first one leads from version 1 to 2, and so on.
LADDER: tuple[Step, ...] = (
    _see_turns,
    _carry_what_is_filled,
    _tell_locks_apart,
    _tell_records_apart,
    _remember_what_was_kept,
    _hold_sources,
    _write_rows_once,
    _keep_it_small,
    _shelve_files,
    _keep_leases_apart,
)
