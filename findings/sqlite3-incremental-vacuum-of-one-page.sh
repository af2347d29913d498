#!/usr/bin/env bash
# From Python `PRAGMA incremental_vacuum` gives back one page, whatever number it is told, unless its answer is read.
#
# Guess: `execute("PRAGMA incremental_vacuum")` gives all free pages back to the disk, and `incremental_vacuum(100)` a
# hundred of them; neither has an answer that anybody would want to fetch.
# Seen (CPython 3.14.8 with SQLite 3.53.4): one page each time. The statement works page by page as it is stepped, and
# `execute` makes one step; `fetchall()` makes the rest, and gives a row of no columns for each of them. `executescript`
# steps to the end, too.
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

database = sqlite3.connect(Path(sys.argv[1], "see.db"), isolation_level=None)
database.execute("PRAGMA auto_vacuum = INCREMENTAL")
database.execute("CREATE TABLE job (payload)")
database.executemany("INSERT INTO job VALUES (?)", [("x" * 3000,)] * 500)
database.execute("DELETE FROM job")


def free():
    return database.execute("PRAGMA freelist_count").fetchone()[0]


print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
left = [free()]
database.execute("PRAGMA incremental_vacuum")
left.append(free())
database.execute("PRAGMA incremental_vacuum(100)")
left.append(free())
print("free pages; after incremental_vacuum; after incremental_vacuum(100):", left)
answer = database.execute("PRAGMA incremental_vacuum(100)").fetchall()
print("after incremental_vacuum(100) whose", len(answer), "rows were fetched:", free(), "first row:", answer[0])
assert left[0] - left[1] == left[1] - left[2] == 1
assert left[2] - free() == 100
database.executescript("PRAGMA incremental_vacuum")
print("after incremental_vacuum by executescript:", free())
assert free() == 0
PY
"$python" "$folder/see.py" "$folder" || { echo "changed"; exit 1; }
