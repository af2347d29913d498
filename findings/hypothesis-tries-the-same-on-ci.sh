#!/usr/bin/env bash
# Where a CI runs the tests, Hypothesis makes up the same cases each time, in the nightly run too.
#
# Guess: Hypothesis draws new cases in each run, so a nightly run on a CI with `max_examples=10_000` finds in time what
# a run at a desk does not.
# Seen (hypothesis 6.170.15): it looks for variables such as `CI` and `GITHUB_ACTIONS`, set to whatever, and takes a
# profile of its own there: `derandomize`, and no database of failed cases. The cases then depend on the test's code
# alone, and ten thousand new ones each night are the ten thousand of the first night. `@settings(max_examples=...)`
# changes nothing about that. Say `derandomize=False` in the nightly profile.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" hypothesis==6.170.15
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet hypothesis==6.170.15
fi
cat >"$folder/see.py" <<'PY'
import os
import subprocess
import sys

import hypothesis

TEST = """
from hypothesis import given, settings, strategies as st

seen = []


@settings(max_examples=50, OPTIONS)
@given(st.integers())
def collect(number):
    seen.append(number)


collect()
print(seen)
"""


def nights(options="", **where):
    """What two runs draw, with no database of cases between them."""
    names = ("PATH", "HOME", "LANG")
    environment = {name: os.environ[name] for name in names if name in os.environ} | where
    program = TEST.replace("OPTIONS", options)
    runs = [
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True).stdout
        for _ in range(2)
    ]
    same = runs[0] == runs[1]
    print(where or "at a desk", options, "- two runs try the same:", same)
    return same


print("hypothesis", hypothesis.__version__)
assert not nights("database=None")
assert nights(CI="true")
assert nights(GITHUB_ACTIONS="true")
assert not nights("derandomize=False", CI="true")
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
