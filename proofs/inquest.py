"""What a process that was killed has left on disk, looked at on a copy."""

from contextlib import closing
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
    said_unchanged: int = 0  # records that were answered without a job


def look(database: Path, folder: Path) -> Findings:
    """Copy the database with its log, open the copy, and look."""
    copy = folder / "copy.db"
    for suffix in ("", "-wal", "-shm", "-journal"):
        original = database.with_name(database.name + suffix)
        target = copy.with_name(copy.name + suffix)
        target.unlink(missing_ok=True)
        if original.exists():
            shutil.copyfile(original, target)
    with closing(sqlite3.connect(copy)) as db:
        rows = db.execute("PRAGMA integrity_check").fetchall()
        findings = Findings("; ".join(row[0] for row in rows))
        if not db.execute(
            "SELECT 1 FROM sqlite_schema WHERE name = 'proof'"
        ).fetchone():
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
    proof: dict[str, int] = dict(db.execute("SELECT name, number FROM proof"))
    counter: dict[str, int] = dict(db.execute("SELECT name, value FROM counter"))

    def number(sql: str) -> int:
        found: Any = db.execute(sql).fetchone()[0]
        return int(found or 0)

    def expect(what: str, *, left: int, right: int) -> None:
        if left != right:
            findings.miscounts.append(f"{what}: {left}, not {right}")

    synced, same = counter.get("synced", 0), counter.get("unchanged", 0)
    failed = counter.get("failed", 0)
    expect(
        "jobs that came and did not go",
        left=proof.get("came", 0) - proof.get("went", 0),
        right=number("SELECT count(*) FROM job"),
    )
    ended = number("SELECT max(id) FROM recent")  # never reused: the newest rows stay
    expect(
        "ends of jobs that are in the figures",
        left=ended,
        right=proof.get("settled", 0) + proof.get("failed", 0),
    )
    expect("failures counted", left=failed, right=proof.get("failed", 0))
    findings.said_unchanged = synced + same - proof.get("settled", 0)
    if findings.said_unchanged < 0 or synced > proof.get("settled", 0):
        findings.miscounts.append(f"{synced} + {same} counted, {proof} happened")
    if proof.get("went", 0) > proof.get("settled", 0):
        findings.miscounts.append("a job went without an outcome")
