"""What a process that was killed has left on disk, looked at on a copy."""

from contextlib import closing
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
import sqlite3
import tempfile
from typing import Any

from custom_components.plexsync.engine.model.revisions import revisions_from_text
from proofs.records import revisions_of_values

type Fields = dict[str, dict[str, int]]  # by record key: the revision of each field


@dataclass(slots=True)
class Findings:
    """One database, as the next start will find it."""

    integrity: str
    waiting: Fields = field(default_factory=dict)  # what jobs hold, failed ones too
    settled: Fields = field(default_factory=dict)
    failed: dict[str, str | None] = field(default_factory=dict)  # key → reason


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


def look(database: Path, *, by_value: bool = False) -> Findings:
    """Look at a copy of the database, so that the next start finds it as it was left.

    ``by_value``: not the job, but each value itself names its revision.
    """
    with tempfile.TemporaryDirectory() as folder:
        for file in database.parent.glob(f"{database.name}*"):
            shutil.copy(file, folder)
        try:
            with closing(sqlite3.connect(Path(folder) / database.name)) as db:
                return _read(db, by_value=by_value)
        except sqlite3.DatabaseError as error:
            return Findings(str(error))


def _read(db: sqlite3.Connection, *, by_value: bool) -> Findings:
    found = db.execute("PRAGMA integrity_check").fetchall()
    findings = Findings("; ".join(row[0] for row in found))
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
        of_fields = revisions_from_text(revisions).items()
        findings.settled[key] = {name: each or 0 for name, each in of_fields}
    return findings
