#!/usr/bin/env bash
# A connection of sqlite3 with `autocommit=False` that only reads sees the database as it was at its first read, for
# ever.
#
# Guess: Each SELECT sees what others have committed by then; a transaction begins with the first change, and a
# connection that makes none neither holds one open nor is in anybody's way.
# Seen (CPython 3.14.8 with SQLite 3.53.4, in WAL mode): the first SELECT begins a transaction that lasts until
# `commit()` or `rollback()`, which nobody calls after reading. All later ones see the same past. The WAL cannot be
# emptied as long as it lasts, and the first write of this connection fails at once with "database is locked", whatever
# the timeout is. In the mode of old, none of this happens. Call `rollback()` after reading.
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
import time


def seen(name, **options):
    file = Path(sys.argv[1], name)
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE job (id)")
    reader = sqlite3.connect(file, timeout=5, **options)

    def count():
        return reader.execute("SELECT count(*) FROM job").fetchone()[0]

    counts = [count()]
    writer.execute("INSERT INTO job VALUES (1)")
    writer.commit()
    counts.append(count())
    emptied = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    began = time.monotonic()
    try:
        reader.execute("INSERT INTO job VALUES (2)")
        write = "done"
    except sqlite3.OperationalError as error:
        write = f"{error}, {'at once' if time.monotonic() - began < 2.5 else 'after the timeout'}"
    reader.rollback()
    counts.append(count())
    print(name, "- counts:", counts, "- WAL emptied:", emptied, "- write:", write)
    reader.close()
    writer.close()
    return counts, emptied, write


print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version)
assert seen("legacy") == ([0, 1, 1], True, "done")
assert seen("autocommit_false", autocommit=False) == ([0, 0, 1], False, "database is locked, at once")
PY
"$python" "$folder/see.py" "$folder" || { echo "changed"; exit 1; }
