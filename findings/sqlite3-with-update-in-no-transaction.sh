#!/usr/bin/env bash
# An UPDATE that begins with WITH opens no transaction in Python's sqlite3: nothing takes it back.
#
# Guess: sqlite3 begins a transaction before an UPDATE, also before `WITH due AS (SELECT …) UPDATE …`, so `with connection:`
# rolls it back when its block raises, and `rowcount` says how many rows were taken.
# Seen (CPython 3.14.8 with SQLite 3.53.4): the first word counts. Such a statement is written at once, in the default mode
# and with `isolation_level="IMMEDIATE"`; the rollback finds nothing to undo, and `rowcount` is -1. The same rows claimed by
# `UPDATE … WHERE id IN (SELECT …)` come back. An INSERT or DELETE after a WITH does as the UPDATE does. With
# `autocommit=False` there is a transaction, and still no count.
#
# Needs Python 3.14 by the name python3.14 or in $PYTHON, nothing else. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import sqlite3
import sys

PLAIN = "UPDATE job SET taken = 1 WHERE id IN (SELECT id FROM job LIMIT 2)"
WITH = "WITH due AS (SELECT id FROM job LIMIT 2) UPDATE job SET taken = 1 WHERE id IN due"


def left_after_error(statement, **options):
    database = sqlite3.connect(":memory:", **options)
    database.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, taken)")
    database.executemany("INSERT INTO job (taken) VALUES (?)", [(0,)] * 3)
    database.commit()
    try:
        with database:
            cursor = database.execute(statement)
            opened, count = database.in_transaction, cursor.rowcount
            raise ConnectionError("the job could not be done")
    except ConnectionError:
        (taken,) = database.execute("SELECT sum(taken) FROM job").fetchone()
    print(statement.split()[0], options, "- transaction:", opened, "- rowcount:", count, "- taken after the error:", taken)
    return opened, count, taken


print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
assert left_after_error(PLAIN) == (True, 2, 0)
assert left_after_error(WITH) == (False, -1, 2)
assert left_after_error(WITH, isolation_level="IMMEDIATE") == (False, -1, 2)
assert left_after_error(WITH, autocommit=False) == (True, -1, 0)
PY
"$python" "$folder/see.py" || { echo "changed"; exit 1; }
