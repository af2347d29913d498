#!/usr/bin/env bash
# A loop over the rows of a query meets the row that it has just deleted, if it comes next, and no row later than that.
#
# Guess: `for (id,) in connection.execute("SELECT id …")` reads a row when its turn comes. A row that the loop deleted
# before that is not there any more; or all rows are as they were when the query was made.
# Seen (CPython 3.14.8 with SQLite 3.53.4): the module reads one row ahead. Of eight rows, a loop that deletes the one
# after the row in hand gets all eight, seven of which are gone by then; one that deletes all others in its first turn
# gets one of them. A changed value shows the same: the next row is the old one, those behind it are new. "Take the
# duplicates of this film out, they need no turn" works on some of them. Read all rows first, by `fetchall()`, and look
# each up again.
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


def visited(change):
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, state TEXT DEFAULT 'old')")
    database.executemany("INSERT INTO job (id) VALUES (?)", [(number,) for number in range(1, 9)])
    rows = []
    for number, state in database.execute("SELECT id, state FROM job ORDER BY id"):
        rows.append((number, state))
        change(database, number)
    return rows


def delete_next(database, number):
    database.execute("DELETE FROM job WHERE id = ?", (number + 1,))


def delete_all_others(database, number):
    database.execute("DELETE FROM job WHERE id != ?", (number,))


def update_all(database, number):
    if number == 1:
        database.execute("UPDATE job SET state = 'new'")


for change, expected in ((delete_next, [1, 2, 3, 4, 5, 6, 7, 8]), (delete_all_others, [1, 2])):
    numbers = [number for number, _ in visited(change)]
    print(f"{change.__name__}; turns:", *numbers)
    assert numbers == expected
states = [state for _, state in visited(update_all)]
print("update_all, in the first turn; states:", *states)
assert states == ["old", "old", *["new"] * 6]
PY
"$python" "$folder/see.py" || { echo "changed"; exit 1; }
