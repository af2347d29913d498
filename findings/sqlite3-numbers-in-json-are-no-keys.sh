#!/usr/bin/env bash
# A list of keys that comes as JSON finds nothing in a column of text if they are numbers, though each of them alone
# does.
#
# Guess: `key IN (SELECT value FROM json_each(?))` with "[7, 8]" finds what `key = 7` and `key = ?` with the integer
# find: a column of text is compared as text.
# Seen (CPython 3.14.8 with SQLite 3.53.4): a literal and a parameter are made text for the comparison, but `value` is
# taken as it is, and 7 is not '7'. No row, and no error. `json_each` is the usual way to hand over more keys than a
# statement may have parameters, so a query that is rewritten for it loses all rows whose keys came as integers, and
# `NOT IN` hits all. The other way round, texts for a column of integers, it works. Make the keys text before
# `json.dumps`.
#
# Needs Python 3.14 by the name python3.14 or in $PYTHON, nothing else. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import json
import sqlite3
import sys

print("CPython", sys.version.split()[0], "with SQLite", sqlite3.sqlite_version)
database = sqlite3.connect(":memory:")
database.executescript("""
    CREATE TABLE scene (key TEXT PRIMARY KEY);
    CREATE TABLE film (key INTEGER PRIMARY KEY);
    INSERT INTO scene VALUES ('7'), ('8');
    INSERT INTO film VALUES (7), (8);
""")


def found(table, where, *values):
    (count,) = database.execute(f"SELECT count(*) FROM {table} WHERE key {where}", values).fetchone()
    print(f"{table} WHERE key {where}", *values, "finds", count)
    return count


LISTED = "IN (SELECT value FROM json_each(?))"
assert found("scene", "= 7") == 1
assert found("scene", "= ?", 7) == 1
assert found("scene", "IN (?, ?)", 7, 8) == 2
assert found("scene", LISTED, json.dumps([7, 8])) == 0
assert found("scene", "NOT " + LISTED, json.dumps([7, 8])) == 2
assert found("scene", LISTED, json.dumps(["7", "8"])) == 2
assert found("film", LISTED, json.dumps(["7", "8"])) == 2
PY
"$python" "$folder/see.py" || { echo "changed"; exit 1; }
