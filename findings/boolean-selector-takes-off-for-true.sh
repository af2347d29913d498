#!/usr/bin/env bash
# The boolean selector of Home Assistant takes any text for true, "off" and "false" as well.
#
# Guess: BooleanSelector reads what `cv.boolean` reads: "off", "no" and "false" are false, "maybe" is refused.
# Seen (homeassistant 2026.10.4 and 2026.11.0): it is Python's `bool`. Every text but the empty one is true, and nothing
# is refused. The switch of a form always sends a boolean, so nobody sees it there. A schema that is built from selectors
# and also reads what a template, a script or another program sent turns on what was to be off. Use `cv.boolean` for that.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import importlib.metadata

from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import BooleanSelector
import probatio


def plain(value: str) -> bool | str:
    try:
        return cv.boolean(value)
    except probatio.Invalid:
        return "refused"


print("homeassistant", importlib.metadata.version("homeassistant"))
seen = {}
for value in ("off", "false", "no", "0", "maybe", ""):
    seen[value] = BooleanSelector()(value)
    print(f"{value!r}: selector {seen[value]}, cv.boolean {plain(value)}")
assert seen == {"off": True, "false": True, "no": True, "0": True, "maybe": True, "": False}
assert [plain(value) for value in ("off", "false", "no", "0", "maybe")] == [False, False, False, False, "refused"]
PY
see() { # version
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  "$venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
