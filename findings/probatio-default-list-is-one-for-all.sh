#!/usr/bin/env bash
# A list that is the default of a schema is the same list for everybody: who adds to it changes the default.
#
# Guess: `Optional("libraries", default=[])` gives a new empty list for each data without the key, since a schema copies
# what it validates: the dict that comes out is a new one.
# Seen (probatio 0.13.0, as homeassistant 2026.10.4 and 2026.11.0 pin it): a default that is no function is made once.
# The first caller adds "Films" to its list, and the next one, who named nothing, gets a list with "Films" in it, for as
# long as the process runs. `list`, `object` and `EnsureList()`, which is Home Assistant's `cv.ensure_list`, hand the
# list on; `[str]` makes a new one, so it depends on the validator. The data of actions and forms are validated by it.
# `default=list` is made anew each time.
#
# Needs Python 3.12 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" probatio==0.13.0
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet probatio==0.13.0
fi
cat >"$folder/see.py" <<'PY'
import importlib.metadata

from probatio import EnsureList, Optional, Schema


def second(name, validator, default):
    """What comes out for nobody's libraries, once somebody has added one."""
    kind = "[]" if default == [] else "list"
    schema = Schema({Optional("libraries", default=default): validator})
    schema({})["libraries"].append("Films")
    found = schema({})["libraries"]
    print(f"default={kind} validated by {name}:", found)
    return found


print("probatio", importlib.metadata.version("probatio"))
assert second("list", list, []) == ["Films"]
assert second("EnsureList()", EnsureList(), []) == ["Films"]
assert second("[str]", [str], []) == []
assert second("list", list, list) == []
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
