#!/usr/bin/env bash
# freezegun freezes one of the two clocks of a module whose name begins with "queue", "threading" or "gi"; the other one
# runs on.
#
# Guess: within `freeze_time` every module sees the frozen time, however it is called. The few that need the real one,
# such as `threading` itself, are left out, and then as a whole.
# Seen (freezegun 1.5.5): the list of those left out is compared with the beginning of the caller's name, and only for
# the functions of `time`. `datetime.now()` in queue_worker.py, threading_tools.py or github.py is frozen, `time.time()`
# there is not. A test of "due at" against "now" fails by years in one module, and goes well after it was renamed.
# `freezegun.configure(default_ignore_list=[...])` takes another list.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" freezegun==1.5.5
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet freezegun==1.5.5
fi
cat >"$folder/see.py" <<'PY'
import datetime
import importlib
import importlib.metadata
from pathlib import Path
import sys

import freezegun

SOURCE = """
import datetime
import time


def clocks():
    return datetime.datetime.now().year, time.gmtime(time.time()).tm_year
"""
folder = Path(__file__).parent / "modules"
folder.mkdir()
sys.path.insert(0, str(folder))
year = datetime.datetime.now().year
seen = {}
print("freezegun", importlib.metadata.version("freezegun"))
names = ["worker", "queue_worker", "threading_tools", "github_client", "worker_queue"]
for name in names:
    Path(folder, f"{name}.py").write_text(SOURCE)
with freezegun.freeze_time("2001-02-03"):
    for name in names:
        seen[name] = importlib.import_module(name).clocks()
        print(f"{name}.py: datetime.now() is of {seen[name][0]}, time.time() of {seen[name][1]}")
assert seen["worker"] == seen["worker_queue"] == (2001, 2001)
for name in ("queue_worker", "threading_tools", "github_client"):
    assert seen[name] == (2001, year)
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
