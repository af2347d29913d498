#!/usr/bin/env bash
# A function that uses `with connection:` commits what its caller was to roll back.
#
# Guess: `with connection:` within `with connection:` is part of the outer one: an error after the inner block takes
# back all of it, or the inner one raises since a transaction is open.
# Seen (CPython 3.14.8 with SQLite 3.53.4): each block commits at its end, whoever began the transaction. What the
# caller wrote before the call is committed with it; only what it writes afterwards is taken back. It is so in the
# default mode, with `isolation_level="IMMEDIATE"` and with `autocommit=False`. With `isolation_level=None` no block
# does anything: without an own BEGIN each statement is committed at once, error or not. A helper that may be called
# within a transaction needs a SAVEPOINT of its own.
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


def kept(**mode):
    """What is left of three rows, of which an error is to take back all."""
    database = sqlite3.connect(":memory:", **mode)
    database.execute("CREATE TABLE job (name TEXT)")
    database.commit()
    try:
        with database:
            database.execute("INSERT INTO job VALUES ('before')")
            with database:  # in a function of somebody else
                database.execute("INSERT INTO job VALUES ('inner')")
            database.execute("INSERT INTO job VALUES ('after')")
            raise ValueError
    except ValueError:
        pass
    rows = [name for (name,) in database.execute("SELECT name FROM job")]
    print(mode or "default mode", "keeps", *rows)
    database.close()
    return rows


assert kept() == ["before", "inner"]
assert kept(isolation_level="IMMEDIATE") == ["before", "inner"]
assert kept(autocommit=False) == ["before", "inner"]
assert kept(isolation_level=None) == ["before", "inner", "after"]
PY
"$python" "$folder/see.py" || { echo "changed"; exit 1; }
