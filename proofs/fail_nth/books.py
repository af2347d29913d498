"""What has to hold in every state of the database that is ever committed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
import json
import sqlite3
from typing import Any

from custom_components.plexsync.engine.history.history import unpack
from custom_components.plexsync.engine.model.record import Record
from custom_components.plexsync.engine.model.revisions import revisions_from_text

# Bookkeeping of the proof itself, by SQLite and in the same transactions: nothing
# that the engine forgets to count can be missing here too.
PROOF_SCHEMA = """
CREATE TABLE IF NOT EXISTS proof (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO proof VALUES
    ('came', 0), ('went', 0), ('dropped', 0), ('settled', 0), ('failed', 0);
CREATE TRIGGER IF NOT EXISTS proof_came AFTER INSERT ON job
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'came'; END;
CREATE TRIGGER IF NOT EXISTS proof_went AFTER DELETE ON job
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'went'; END;
CREATE TRIGGER IF NOT EXISTS proof_dropped BEFORE DELETE ON job
    WHEN NOT EXISTS (SELECT 1 FROM lease WHERE lease.job = old.id)
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'dropped'; END;
CREATE TRIGGER IF NOT EXISTS proof_settled AFTER INSERT ON settled
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'settled'; END;
CREATE TRIGGER IF NOT EXISTS proof_settled_again AFTER UPDATE OF rating_key ON settled
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'settled'; END;
CREATE TRIGGER IF NOT EXISTS proof_failed AFTER UPDATE OF failed ON job
    WHEN old.failed = 0 AND new.failed = 1
    BEGIN UPDATE proof SET number = number + 1 WHERE name = 'failed'; END;
"""

type Key = tuple[str, str]  # source, record key


@dataclass(slots=True)
class Books:
    """What was promised to whoever handed records over."""

    promised: dict[Key, dict[str, int]] = field(default_factory=dict)
    pages: dict[str, list[Record]] = field(default_factory=dict)  # by cursor
    told: int = 0  # records answered as unchanged, to whoever asked by hand
    unheard: int = 0  # records whose answer was lost, their commit perhaps not

    def answered(
        self,
        records: Iterable[Record],
        jobs: Iterable[int | None],
        *,
        counted: bool = True,
    ) -> None:
        """Note records that were answered for; what a source repeats is not counted."""
        for record, job in zip(records, jobs, strict=True):
            assert record.revision is not None
            fields = self.promised.setdefault((record.source, record.key), {})
            fields |= dict.fromkeys(record.fields, record.revision)
            self.told += counted and job is None

    def dropped(self, source: str, key: str | None = None) -> None:
        """Note that somebody asked to forget a record, or all of a source."""

        def kept(known: Key) -> bool:
            return known[0] != source or (key is not None and known[1] != key)

        self.promised = {k: fields for k, fields in self.promised.items() if kept(k)}
        for cursor, records in self.pages.items():
            self.pages[cursor] = [r for r in records if kept((r.source, r.key))]

    def look(self, db: sqlite3.Connection) -> list[str]:
        """Give what is neither before nor after anything that was asked for."""
        if not db.execute(_LAID_OUT).fetchone():
            return []  # this is the commit before the tables are laid out
        return [
            *_miscounts(db),
            *self._broken_promises(db),
            *_open_intents(db),
            *_untold(db),
        ]

    def _broken_promises(self, db: sqlite3.Connection) -> list[str]:
        held: dict[Key, list[dict[str, int | None]]] = {}
        for source, key, fields in db.execute("SELECT source, key, fields FROM job"):
            revisions = {name: pair[0] for name, pair in json.loads(fields).items()}
            held.setdefault((source, key), []).append(revisions)
        for source, key, text in db.execute(
            "SELECT source, key, revisions FROM settled"
        ):
            held.setdefault((source, key), []).append(revisions_from_text(text))
        owed = dict(self.promised)
        for (cursor,) in db.execute(
            "SELECT value FROM setting WHERE name LIKE 'cursor:%'"
        ):
            for record in self.pages[cursor]:
                assert record.revision is not None
                owed.setdefault(
                    (record.source, record.key),
                    dict.fromkeys(record.fields, record.revision),
                )
        return [
            f"{key} {name} {revision} is neither waiting nor done"
            for key, fields in owed.items()
            for name, revision in fields.items()
            if not any((at.get(name) or 0) >= revision for at in held.get(key, ()))
        ]

    def unchanged(self, db: sqlite3.Connection) -> list[str]:
        """Compare, once everything was answered, what is counted as unchanged."""
        proof: dict[str, int] = dict(db.execute("SELECT name, number FROM proof"))
        counter: dict[str, int] = dict(db.execute("SELECT name, value FROM counter"))
        # Whoever became a job was synced or unchanged in the end, and settled.
        told = counter["synced"] + counter["unchanged"] - proof["settled"]
        if self.told <= told <= self.told + self.unheard:
            return []
        return [f"{told} records counted as unchanged, {self.told} were answered so"]


def _miscounts(db: sqlite3.Connection) -> Iterator[str]:
    """Compare the engine's statistics with what SQLite itself counted beside them."""
    happened = dict[str, int](db.execute("SELECT name, number FROM proof"))
    counted = Counter(dict[str, int](db.execute("SELECT name, value FROM counter")))

    def ask(sql: str) -> int:
        return int(db.execute(sql).fetchone()[0] or 0)

    for what, number, truth in (
        (
            "jobs that came and did not go",
            happened["came"] - happened["went"],
            ask("SELECT count(*) FROM job"),
        ),
        # A row's number is never given twice: the newest rows stay.
        (
            "recent jobs",
            ask("SELECT max(id) FROM recent"),
            happened["settled"] + happened["failed"],
        ),
        ("failures", counted["failed"], happened["failed"]),
    ):
        if number != truth:
            yield f"{what}: {number}, not {truth}"
    # "Unchanged" also counts records that never became a job.
    same = counted["unchanged"] - (happened["settled"] - counted["synced"])
    if same < 0 or counted["synced"] > happened["settled"]:
        yield f"{dict(counted)} counted, {happened} happened"
    if happened["went"] > happened["settled"] + happened["dropped"]:
        yield "a job went without an outcome"


def _open_intents(db: sqlite3.Connection) -> list[str]:
    """Find intents that no job will ever confirm."""
    return [
        f"{source} {key} {name} is about to be written by nobody"
        for source, key, name in db.execute(
            "SELECT source, key, field FROM ledger WHERE pending = 1"
            " AND source NOT LIKE 'removed:%' AND NOT EXISTS (SELECT 1 FROM job"
            " WHERE job.source = ledger.source AND job.key = ledger.key)"
        )
    ]


def _untold(db: sqlite3.Connection) -> list[str]:
    """Find writes that the history does not tell of, and what it counts wrong."""
    counter: dict[str, int] = dict(db.execute("SELECT name, value FROM counter"))
    told, rows = db.execute("SELECT count(key), count(*) FROM history").fetchone()
    counted = db.execute(
        "SELECT coalesce(sum(rows), 0), min(bytes > 0 AND rows > 0) FROM history_run"
    ).fetchone()
    return [
        *(
            [f"{counter} written, {told} told"]
            if told < counter.get("synced", 0)
            else []
        ),
        *(
            [f"{rows} rows, {counted} counted"]
            if counted != (rows, int(rows > 0) or None)
            else []
        ),
    ]


_LAID_OUT = "SELECT 1 FROM sqlite_schema WHERE name = 'proof_failed'"
_TABLES = {
    "job": "SELECT source, key, find, fields, revision, identified, mirror, priority,"
    " failed, id IN (SELECT job FROM lease), attempts, misses, crashes, reason,"
    " candidates FROM job",
    # All but when it came in: a failure takes time.
    "settled": "SELECT source, key, fingerprint, plain, token, revisions, rating_key,"
    " files FROM settled",
    "ledger": "SELECT rating_key, section, path, field, source, key, value, intent,"
    " pending, before, before_known, before_locked, released"
    " FROM ledger JOIN item ON item.id = ledger.item",
    "picture": "SELECT * FROM picture",
    "collection": "SELECT * FROM collection",
    "pin": "SELECT * FROM pin",
    "backup": "SELECT file FROM backup",
    "setting": "SELECT * FROM setting WHERE name NOT IN"
    " ('last_sync', 'ledger_id', 'outage', 'pruned', 'history_day', 'history_days')",
}


def portrait(db: sqlite3.Connection) -> dict[str, list[Any]]:
    """Give all that is kept but times, counts and names made up by chance."""
    found = {
        name: sorted(db.execute(sql).fetchall(), key=repr)
        for name, sql in _TABLES.items()
    }
    return found | {"history": sorted(_history(db), key=repr)}


def _history(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Give each field that was written: a failure may make two turns of one.

    In which order the members of a list stood is not known of a write that was cut
    short, nor of an undo whether there was anything to do.
    """
    for path, key, changes in db.execute(
        "SELECT path, key, changes FROM history JOIN item ON item.id = history.item"
    ):
        for name, *values in unpack(changes):
            told = [
                sorted(each, key=repr) if isinstance(each, list) else each
                for each in values
            ]
            yield (path, key, name, *(told if key is not None else ()))
