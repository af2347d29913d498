"""The ladder: what every version that ever landed left is there, and goes on."""

from collections.abc import Callable, Iterator
import contextlib
from functools import partial
import json
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.plexsync.engine.database.database import (
    Database,
    StorageError,
    StorageTooNewError,
)
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.engine.model.revisions import revisions_from_text
from custom_components.plexsync.plex.index import SCHEMA as INDEX_SCHEMA
from tests.fixtures import lay_out, script
from tests.rig import Rig, library

OLDER = range(1, LAYOUT.version)
# The tables that took the place of one in version 8; ``ledger`` shows them as that one.
LEDGER = ("ledger_field", "ledger_source", "moment", "unconfirmed", "written")
# What is remembered of Plex: a cache.
INDEX = ("plex_section", "plex_item", "plex_name")
BESIDE = ("", "-wal", "-shm", "-journal")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file."""
    return tmp_path / "engine.db"


def open_and_close(
    path: Path, connect: Callable[..., sqlite3.Connection] = sqlite3.connect
) -> None:
    """Open a file as an engine does; nothing is set aside."""
    database = Database(path, LAYOUT.beside(INDEX_SCHEMA), connect=connect)
    database.open()
    database.close()
    assert not database.file.set_aside


@contextlib.contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """Look into a file."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        yield db


def tables(db: sqlite3.Connection) -> list[str]:
    """Name the tables."""
    return [
        row[0]
        for row in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]


def layout(path: Path) -> dict[str, Any]:
    """Describe columns and indexes as SQLite understands them."""
    with looking(path) as db:
        found: dict[str, Any] = {"": db.execute("PRAGMA user_version").fetchone()[0]}
        for table in tables(db):
            columns = db.execute(f"PRAGMA table_xinfo({table})").fetchall()
            found[table] = [tuple(row) for row in columns]
            for index in db.execute(f"PRAGMA index_list({table})").fetchall():
                parts = db.execute(f"PRAGMA index_xinfo({index['name']})").fetchall()
                sql = db.execute(
                    "SELECT sql FROM sqlite_schema WHERE name = ?", (index["name"],)
                ).fetchone()
                found[index["name"]] = ([tuple(row) for row in parts], sql and sql[0])
        views = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'view'")
        found |= dict(views.fetchall())
        return found


def rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read everything."""
    with looking(path) as db:
        return {
            table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")]  # noqa: S608  # its own names
            for table in tables(db)
        }


def ledger(path: Path) -> list[dict[str, Any]]:
    """Read the ledger, a table of its own up to version 7."""
    with looking(path) as db:
        found = db.execute("SELECT * FROM ledger ORDER BY item, field, source")
        return [dict(row) for row in found]


def settled(row: dict[str, Any]) -> dict[str, Any]:
    """Read what was brought into line of a record, as before version 9 and as today."""
    digests = {
        name: bytes.fromhex(row[name])[:16] if isinstance(row[name], str) else row[name]
        for name in ("fingerprint", "plain")
    }
    text = row["revisions"]
    revisions = json.loads(text) if text[:1] == "{" else revisions_from_text(text)
    return row | digests | {"revisions": revisions}


def leave_in_the_middle(path: Path) -> None:
    """Let jobs be in flight and writes be under way, as a kill leaves them."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE job SET leased = rev WHERE key = 'scene:1'")
        if db.execute("PRAGMA user_version").fetchone()[0] >= 8:
            titles = "id IN (SELECT id FROM ledger WHERE field = 'title' AND item < 3)"
            db.execute(
                f"INSERT INTO unconfirmed SELECT id, value, shown, locked, moment, ?"  # noqa: S608  # our own words
                f" FROM written WHERE {titles}",
                ('["Older",null]',),
            )
            db.execute(f"UPDATE written SET value = ? WHERE {titles}", ('"Cut"',))  # noqa: S608
            db.commit()
            return
        cut = "UPDATE ledger SET pending = 1, intent = ?, earlier = ? WHERE item = ? AND field = 'title'"
        db.execute(cut, ('"Cut"', '["Older",null]', 1))
        db.execute(cut, ("null", None, 2))
        db.execute("UPDATE ledger SET value = NULL WHERE item = 2 AND field = 'title'")
        db.execute(
            "UPDATE ledger SET source = 'removed:0:stash', released = '*', written = 7"
            " WHERE item = 3 AND field = 'title'"
        )
        db.commit()


@pytest.mark.parametrize("version", OLDER)
def test_every_version_that_landed_is_there_to_be_opened(
    path: Path, version: int
) -> None:
    """And with everything in it that somebody could miss."""
    assert script(version).exists()
    lay_out(version, path)
    assert layout(path)[""] == version
    found = rows(path)
    for table in ("job", "settled", "item", "pin", "picture", "plex_item"):
        assert found[table]
    assert ledger(path)
    assert {job["failed"] for job in found["job"]} == {0, 1}


@pytest.mark.parametrize("version", OLDER)
def test_the_ladder_leads_to_todays_layout(tmp_path: Path, version: int) -> None:
    """Each row is as it was, and no column or index is missing.

    What was remembered of Plex is listed anew.
    """
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    lay_out(version, old)
    leave_in_the_middle(old)
    before, written = rows(old), ledger(old)
    open_and_close(old)
    open_and_close(new)
    assert layout(old) == layout(new)
    for table, expected in rows(old).items():
        if table in LEDGER:
            assert expected
            continue
        if table in INDEX and version < 9:
            assert expected == []
            continue
        told = before.get(table, [])
        match table:
            case "settled":
                told, expected = list(map(settled, told)), list(map(settled, expected))
            case "job":
                told = [{k: v for k, v in row.items() if k != "leased"} for row in told]
            case "lease":
                flying = [row for row in before["job"] if row["leased"] is not None]
                told = [
                    {"job": r["id"], "taken": r.get("tried") or 0.0} for r in flying
                ]
                assert told
        assert [
            {name: row[name] for name in was}
            for was, row in zip(told, expected, strict=True)
        ] == told
    assert written
    assert [
        {name: row[name] for name in was}
        for was, row in zip(written, ledger(old), strict=True)
    ] == written
    climbed = old.read_bytes()
    open_and_close(old)
    assert old.read_bytes() == climbed  # there is nothing left to do


def test_what_cannot_be_read_of_a_record_is_compared_once_more(path: Path) -> None:
    """It keeps nobody from starting."""
    lay_out(8, path)
    with looking(path) as db, db:
        db.execute("UPDATE settled SET fingerprint = 'none', revisions = '[{'")
    open_and_close(path)
    with looking(path) as db:
        found = db.execute("SELECT DISTINCT fingerprint, revisions FROM settled")
        assert [tuple(row) for row in found] == [(b"", "")]


@pytest.mark.parametrize("version", OLDER)
async def test_jobs_of_an_older_version_are_written(
    path: Path, version: int, socket_enabled: None
) -> None:
    """What waited arrives, what failed is still there, what was written can be undone."""
    lay_out(version, path)
    async with library(6) as plex:
        rig = Rig(plex, path.parent)
        section = next(iter(plex.core.sections.values()))
        plex.core.add_item(section, "Twin", file="/twin.mkv")
        plex.core.add_item(section, "By then", file="/data/movies/Late.mkv")
        before = rig.item(1).title
        await rig.start(work=False)
        jobs, _ = await rig.engine.job_status.jobs()
        assert {(job.key, job.state) for job in jobs} == {
            *((f"scene:{number}", "ready") for number in range(1, 5)),
            ("scene:6", "failed"),
            ("late", "ready"),
        }
        rig.work()
        await rig.drained(failed=1)
        assert not rig.in_line(rig.records(4, "New"))
        assert rig.items()[-1].title == "Late"
        await rig.engine.undoing.undo(Find((rig.path(1),)))
        assert rig.item(1).title == before
        await rig.stop()


class Snapping(sqlite3.Connection):
    """A connection that looks before each statement at what a kill would leave."""

    path: Path
    copies: list[Path]  # one for each state in which the files were
    left: dict[str, bytes]  # what the last of them holds
    statements: list[str]

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Copy the files where they have changed, then do it."""
        self.statements.append(sql)
        left = {
            suffix: side.read_bytes()
            for suffix in BESIDE
            if (side := Path(f"{self.path}{suffix}")).exists()
        }
        if left != self.left:
            self.left.clear()
            self.left.update(left)
            copy = self.path.with_name(f"{len(self.copies)}.db")
            self.copies.append(copy)
            for suffix, data in left.items():
                Path(f"{copy}{suffix}").write_bytes(data)
        return super().execute(sql, parameters)


def snapping(
    copies: list[Path], statements: list[str], path: Path, **settings: Any
) -> sqlite3.Connection:
    """Connect so that each state of the files is copied."""
    connection = sqlite3.connect(path, factory=Snapping, **settings)
    connection.path, connection.copies, connection.left = path, copies, {}
    connection.statements = statements
    return connection


@pytest.mark.parametrize("version", OLDER)
def test_a_kill_leaves_the_old_or_the_new(tmp_path: Path, version: int) -> None:
    """At whatever statement: the layout is one or the other, and the next start climbs."""
    path, new = tmp_path / "engine.db", tmp_path / "new.db"
    open_and_close(new)
    lay_out(version, path)
    was, jobs = layout(path), rows(path)["job"]
    copies: list[Path] = []
    statements: list[str] = []
    open_and_close(path, partial(snapping, copies, statements))
    assert len(statements) > 20
    assert len(copies) > 2
    seen = []
    for copy in copies:
        found = layout(copy)
        assert found in (was, layout(new))
        seen.append(found[""])
        assert [row["key"] for row in rows(copy)["job"]] == [j["key"] for j in jobs]
        open_and_close(copy)
        assert layout(copy) == layout(new)
    assert set(seen) == {version, LAYOUT.version}
    assert seen == sorted(seen)


def _delete_mode(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE future (x)")
        db.execute(f"PRAGMA user_version={LAYOUT.version + 1}")


def _closed(path: Path) -> None:
    open_and_close(path)
    _delete_mode(path)


def _killed(path: Path) -> None:
    """Leave a log: also the mark of the newer version is in there only."""
    open_and_close(path)
    db = sqlite3.connect(path)
    db.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
    db.execute("CREATE TABLE future (x)")
    db.execute(f"PRAGMA user_version={LAYOUT.version + 1}")
    db.close()
    assert Path(f"{path}-wal").stat().st_size


@pytest.mark.parametrize("make", [_delete_mode, _closed, _killed])
def test_a_newer_file_is_left_as_it_is(
    path: Path, make: Callable[[Path], None]
) -> None:
    """Not a byte of it changes, nothing comes beside it, and the error says why."""

    def content() -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in path.parent.iterdir()}

    make(path)
    before = content()
    for _ in range(2):
        database = Database(path, LAYOUT.beside(INDEX_SCHEMA))
        with pytest.raises(StorageTooNewError):
            database.open()
        database.close()
        assert content() == before
    assert issubclass(StorageTooNewError, StorageError)
    with looking(path) as db:
        assert "future" in tables(db)
