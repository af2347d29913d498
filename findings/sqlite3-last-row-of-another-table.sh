#!/usr/bin/env bash
# After an upsert that found its row, `lastrowid` is the id of a row of another table.
#
# Guess: `execute("INSERT … ON CONFLICT (key) DO UPDATE …").lastrowid` is the id of the row, whether it was inserted or
# updated; or None, for nothing was inserted and the cursor is a new one.
# Seen (CPython 3.14.8 with SQLite 3.53.4): it is the last id that any statement of the connection has inserted, in
# whatever table: 5, of the log, for the job 1. So it is for a row that `INSERT OR IGNORE` ignored. It works as long as
# each row is new, which is each test that begins with an empty file; then "the job" is one that does not exist, or
# another one. `RETURNING id` gives the right one after an update, and no row after an ignored insert.
#
# Needs Python 3.14 by the name python3.14 or in $PYTHON, nothing else. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import sqlite3
import sys

print("CPython", sys.version.split()[0], "with SQLite", sqlite3.sqlite_version)
database = sqlite3.connect(":memory:")
database.executescript("""
    CREATE TABLE job (id INTEGER PRIMARY KEY, key TEXT UNIQUE, times INTEGER DEFAULT 1);
    CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
""")
UPSERT = "INSERT INTO job (key) VALUES (?) ON CONFLICT (key) DO UPDATE SET times = times + 1"
IGNORE = "INSERT OR IGNORE INTO job (key) VALUES (?)"


def last(statement, key):
    found = database.cursor().execute(statement, (key,)).lastrowid
    (right,) = database.execute("SELECT id FROM job WHERE key = ?", (key,)).fetchone()
    print(f"{statement[:24]}… of {key}: lastrowid {found}, the job is {right}")
    return found


assert last(UPSERT, "film") == 1
for text in "abcde":
    database.execute("INSERT INTO log (text) VALUES (?)", (text,))
assert last(UPSERT, "film") == 5
assert last(IGNORE, "film") == 5
assert last(IGNORE, "show") == 2
assert database.execute(UPSERT + " RETURNING id", ("film",)).fetchall() == [(1,)]
assert database.execute(IGNORE + " RETURNING id", ("film",)).fetchall() == []
PY
"$python" "$folder/see.py" || { echo "changed"; exit 1; }
