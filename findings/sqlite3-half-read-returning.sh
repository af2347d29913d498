#!/usr/bin/env bash
# A write with RETURNING of which one row was fetched is in no transaction, and is not written either.
#
# Guess: SQLite makes all changes of an `UPDATE … RETURNING` before it gives the first row, so after `fetchone()` it is
# done: on a connection with `isolation_level=None` others see it, and in a transaction COMMIT makes it last.
# Seen (CPython 3.14.8 with SQLite 3.53.4): as long as the cursor lives and has rows left, others see the old values,
# although `in_transaction` is False and a later INSERT went without an error; closing the connection loses both. In a
# transaction, `commit()` and `with connection:` raise "SQL statements in progress". What is fetched in one go, or by a
# cursor that is dropped at once, is written: a claim of one row works, the same statement for several rows does not.
#
# Needs Python 3.14 by the name python3.14 or in $PYTHON, nothing else. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
from pathlib import Path
import sqlite3
import sys

CLAIM = "UPDATE job SET taken = 1 RETURNING id"


def fresh(name, **options):
    file = Path(sys.argv[1], name)
    database = sqlite3.connect(file, **options)
    database.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, taken)")
    database.execute("INSERT INTO job (taken) VALUES (0), (0), (0)")
    if database.in_transaction:
        database.commit()
    return file, database


def seen_by_others(file):
    other = sqlite3.connect(file)
    rows = other.execute("SELECT count(*), sum(taken) FROM job").fetchone()
    other.close()
    return rows


print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
file, database = fresh("each by itself", isolation_level=None)
cursor = database.execute(CLAIM)
print("each statement by itself; fetched", cursor.fetchone(), "in a transaction:", database.in_transaction)
database.execute("INSERT INTO job (taken) VALUES (1)")
print("  others see (rows, taken):", seen_by_others(file))
database.close()
lost = seen_by_others(file)
print("  left after close():", lost)

file, database = fresh("transaction")
try:
    with database:
        cursor = database.execute(CLAIM)
        cursor.fetchone()
    refused = False
except sqlite3.OperationalError as error:
    refused = "in progress" in str(error)
    print("with connection:", error)
database.close()

file, database = fresh("dropped", isolation_level=None)
database.execute(CLAIM).fetchone()
print("a cursor that is dropped at once; others see:", seen_by_others(file))
assert lost == (3, 0)
assert refused
assert seen_by_others(file) == (3, 3)
PY
"$python" "$folder/see.py" "$folder" || { echo "changed"; exit 1; }
