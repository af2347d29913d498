"""What a process that was killed has left on disk, looked at on a copy."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
import sqlite3

type Fields = dict[str, dict[str, int]]  # by record key: the revision of each field


@dataclass(slots=True)
class Findings:
    """One database, as the next start will find it."""

    integrity: str
    waiting: Fields = field(default_factory=dict)  # what jobs hold, failed ones too
    settled: Fields = field(default_factory=dict)
    failed: dict[str, str | None] = field(default_factory=dict)  # key → reason
    miscounts: list[str] = field(default_factory=list)


def look(database: Path, folder: Path) -> Findings:
    """Copy the database with its log, open the copy, and look."""
    copy = folder / "copy.db"
    for suffix in ("", "-wal", "-shm", "-journal"):
        original = database.with_name(database.name + suffix)
        target = copy.with_name(copy.name + suffix)
        target.unlink(missing_ok=True)
        if original.exists():
            shutil.copyfile(original, target)
    try:
        with closing(sqlite3.connect(copy)) as db:
            return _read(db)
    except sqlite3.DatabaseError as error:
        return Findings(str(error))


def _read(db: sqlite3.Connection) -> Findings:
    rows = db.execute("PRAGMA integrity_check").fetchall()
    findings = Findings("; ".join(row[0] for row in rows))
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'proof'").fetchone():
        return findings  # it died while the tables were laid out
    for key, fields, failed, reason in db.execute(
        "SELECT key, fields, failed, reason FROM job"
    ):
        findings.waiting[key] = {
            name: pair[0] for name, pair in json.loads(fields).items()
        }
        if failed:
            findings.failed[key] = reason
    for key, revisions in db.execute("SELECT key, revisions FROM settled"):
        findings.settled[key] = json.loads(revisions)
    _check_counts(db, findings)
    return findings


def _check_counts(db: sqlite3.Connection, findings: Findings) -> None:
    """Compare the engine's statistics with what SQLite itself counted beside them."""
    happened = Counter(dict[str, int](db.execute("SELECT name, number FROM proof")))
    counted = Counter(dict[str, int](db.execute("SELECT name, value FROM counter")))

    def expect(what: str, number: int, *, is_: int) -> None:
        if number != is_:
            findings.miscounts.append(f"{what}: {number}, not {is_}")

    def ask(sql: str) -> int:
        return int(db.execute(sql).fetchone()[0] or 0)

    ended = happened["settled"] + happened["failed"]
    expect(
        "jobs that came and did not go",
        happened["came"] - happened["went"],
        is_=ask("SELECT count(*) FROM job"),
    )
    # A row's number is never given twice: the newest rows stay.
    expect("recent jobs", ask("SELECT max(id) FROM recent"), is_=ended)
    expect("failures", counted["failed"], is_=happened["failed"])
    # "Unchanged" also counts records that never became a job.
    same = counted["unchanged"] - (happened["settled"] - counted["synced"])
    if same < 0 or counted["synced"] > happened["settled"]:
        findings.miscounts.append(f"{dict(counted)} counted, {happened} happened")
    if happened["went"] > happened["settled"]:
        findings.miscounts.append("a job went without an outcome")
