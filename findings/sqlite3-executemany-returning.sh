#!/usr/bin/env bash
# In Python 3.14 `executemany` with RETURNING writes the first row and raises, though its rows are said to be discarded.
#
# Guess: `executemany("INSERT … RETURNING id", rows)` inserts all rows and throws the ids away: that is what the
# documentation of `Cursor.executemany` says of such statements.
# Seen (CPython 3.14.8 with SQLite 3.53.4): InterfaceError, "bad parameter or other API misuse", at the second set of
# parameters. The first row is written, and as ever an open transaction stays open, or with `isolation_level=None` the
# row is there for good. With a single set it works, so a test with one row sees nothing; CPython 3.11 takes all rows.
#
# Needs Python 3.14 by the name python3.14 or in $PYTHON, nothing else. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import sqlite3
import sys

INSERT = "INSERT INTO job (name) VALUES (?) RETURNING id"


def see(rows, **options):
    database = sqlite3.connect(":memory:", **options)
    database.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, name)")
    try:
        database.executemany(INSERT, rows)
        outcome = "no error"
    except sqlite3.Error as error:
        outcome = f"{type(error).__name__}: {error}"
    (written,) = database.execute("SELECT count(*) FROM job").fetchone()
    print(f"{len(rows)} rows, {options or 'defaults'}: {outcome}; {written} written, in a transaction:", end=" ")
    print(database.in_transaction)
    return outcome, written


print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
assert see([("a",)]) == ("no error", 1)
for options in ({}, {"isolation_level": None}):
    outcome, written = see([("a",), ("b",), ("c",)], **options)
    assert outcome.startswith("InterfaceError")
    assert written == 1
PY
"$python" "$folder/see.py" || { echo "changed"; exit 1; }
