"""What a process that was killed has left on disk, looked at on a copy."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
import sqlite3
from typing import Any

type Fields = dict[str, dict[str, int]]  # by record key: the revision of each field


@dataclass(slots=True)
class Findings:
    """One database, as the next start will find it."""

    integrity: str
    waiting: Fields = field(default_factory=dict)  # what jobs hold, failed ones too
    settled: Fields = field(default_factory=dict)
    failed: dict[str, str | None] = field(default_factory=dict)  # key → reason
    miscounts: list[str] = field(default_factory=list)


@contextmanager
def copied(database: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """Copy the database with its log, and open the copy."""
    copy = folder / "copy.db"
    for suffix in ("", "-wal", "-shm", "-journal"):
        original = database.with_name(database.name + suffix)
        target = copy.with_name(copy.name + suffix)
        target.unlink(missing_ok=True)
        if original.exists():
            shutil.copyfile(original, target)
    with closing(sqlite3.connect(copy)) as db:
        yield db


def integrity(db: sqlite3.Connection) -> str:
    """Give ``ok``, or what SQLite finds wrong."""
    try:
        rows = db.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        return str(error)
    return "; ".join(row[0] for row in rows)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Compare an open circuit, as saved, with what a life without Plex made of it."""
    found = []
    was, now = before["breaker"], after["breaker"]
    if now["state"] != "open" or now["step"] < was["step"]:
        found.append(f"{was} became {now}")
    if now["generation"] < was["generation"]:
        found.append("an earlier generation")
    one, other = before["outages"]["outages"], after["outages"]["outages"]
    if len(one) != len(other) or one[-1]["start"] != other[-1]["start"]:
        found.append(f"{len(one)} outages became {len(other)}")
    if other[-1]["end"] is not None:
        found.append("the outage has ended")
    return found


def look(database: Path, folder: Path) -> Findings:
    """Copy the database with its log, open the copy, and look."""
    try:
        with copied(database, folder) as db:
            return _read(db)
    except sqlite3.DatabaseError as error:
        return Findings(str(error))


def _read(db: sqlite3.Connection) -> Findings:
    findings = Findings(integrity(db))
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
