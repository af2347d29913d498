"""What a process that was killed has left on disk, looked at on a copy."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
import sqlite3
from typing import Any

from custom_components.plexsync.engine.model.revisions import revisions_from_text

from .records import revisions_of_values

type Fields = dict[str, dict[str, int]]  # by record key: the revision of each field


@dataclass(slots=True)
class Findings:
    """One database, as the next start will find it."""

    integrity: str
    waiting: Fields = field(default_factory=dict)  # what jobs hold, failed ones too
    settled: Fields = field(default_factory=dict)
    failed: dict[str, str | None] = field(default_factory=dict)  # key → reason


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


def look(database: Path, folder: Path, *, by_value: bool = False) -> Findings:
    """Look at a copy of the database.

    ``by_value``: not the job, but each value itself names its revision.
    """
    try:
        with copied(database, folder) as db:
            return _read(db, by_value=by_value)
    except sqlite3.DatabaseError as error:
        return Findings(str(error))


def _read(db: sqlite3.Connection, *, by_value: bool) -> Findings:
    findings = Findings(integrity(db))
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
    if findings.integrity != "ok" or "settled" not in tables:
        return findings  # it died while the tables were laid out
    for key, fields, failed, reason in db.execute(
        "SELECT key, fields, failed, reason FROM job"
    ):
        pairs = json.loads(fields)
        findings.waiting[key] = (
            revisions_of_values({name: pair[1] for name, pair in pairs.items()})
            if by_value
            else {name: pair[0] for name, pair in pairs.items()}
        )
        if failed:
            findings.failed[key] = reason
    for key, revisions in db.execute("SELECT key, revisions FROM settled"):
        findings.settled[key] = revisions_of_fields(revisions)
    return findings


def revisions_of_fields(text: str) -> dict[str, int]:
    """Read the revisions of what was written; the records of a proof all have one."""
    return {name: each or 0 for name, each in revisions_from_text(text).items()}
