#!/usr/bin/env bash
# A connection of sqlite3 with `autocommit=False`, the mode that Python recommends, cannot switch foreign keys on.
#
# Guess: `sqlite3.connect(file, autocommit=False)`, then `execute("PRAGMA foreign_keys = ON")` as the first statement:
# from then on a row that refers to nothing is refused.
# Seen (CPython 3.14.8 with SQLite 3.53.4): in this mode a transaction is open from `connect` on, and the next one
# begins with each commit. SQLite ignores the pragma within a transaction, without an error, so there is no moment at
# which it works, not even after `commit()`. Rows that refer to nothing are taken, and ON DELETE CASCADE deletes
# nothing. `PRAGMA synchronous` at least raises, and so does VACUUM. Set `autocommit = True` for the pragma, and False
# after it.
#
# Needs Python 3.14, by the name python3.14 or in $PYTHON. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
from pathlib import Path
import sqlite3
import sys


def fresh(name, pragma):
    database = sqlite3.connect(Path(sys.argv[1], name), autocommit=False)
    pragma(database)
    database.execute("CREATE TABLE film (id INTEGER PRIMARY KEY)")
    database.execute("CREATE TABLE edit (film INTEGER REFERENCES film ON DELETE CASCADE)")
    database.commit()
    return database


def first_of_all(database):
    database.execute("PRAGMA foreign_keys = ON")


def after_a_commit(database):
    database.commit()
    database.execute("PRAGMA foreign_keys = ON")


def outside(database):
    database.autocommit = True
    database.execute("PRAGMA foreign_keys = ON")
    database.autocommit = False


def outcome(pragma):
    database = fresh(pragma.__name__, pragma)
    on = database.execute("PRAGMA foreign_keys").fetchone()[0]
    try:
        database.execute("INSERT INTO edit VALUES (7)")
        refused = False
    except sqlite3.IntegrityError:
        refused = True
    print(pragma.__name__, "- on:", on, "- a row that refers to nothing is refused:", refused)
    database.close()
    return on, refused


print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
assert outcome(first_of_all) == (0, False)
assert outcome(after_a_commit) == (0, False)
assert outcome(outside) == (1, True)
PY
"$python" "$folder/see.py" "$folder" || { echo "changed"; exit 1; }
