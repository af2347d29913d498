#!/usr/bin/env bash
# A DeviceInfo is a dict in 2026.10 and none in 2026.11: `|`, iterating, `pop`, "is it empty" and orjson go another way.
#
# Guess: DeviceInfo is a TypedDict, so an integration may merge two with `|`, loop over it, leave it empty for "no device",
# or put it into its diagnostics.
# Seen: in homeassistant 2026.10.4 all of that works. In 2026.11.0 it is a dataclass that has some of a mapping's methods:
# `{**info}`, `in`, `get` and `==` with a dict still work, the rest raises TypeError or AttributeError. A key it does not
# know raises where it is built, not where the entity is added. An empty one is true. And orjson, with no word,
# writes each field that was not set as 0. Build a dict of keywords first, and the DeviceInfo last.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import importlib.metadata
import json
import sys

from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.json import json_bytes


def made() -> DeviceInfo:
    return DeviceInfo(identifiers={("fake", "1")}, name="Server")


USES = {
    "{**info}": lambda: {**made()},
    '"name" in info': lambda: "name" in made(),
    "== a dict": lambda: made() == {"identifiers": {("fake", "1")}, "name": "Server"},
    "info | dict": lambda: made() | {"model": "A"},
    "list(info)": lambda: list(made()),
    "info.pop": lambda: made().pop("name"),
    "info.copy()": lambda: made().copy(),
    "unknown key": lambda: DeviceInfo(identifiers=set(), room="A"),
    "bool of none": lambda: bool(DeviceInfo()),
}

seen = {}
print("homeassistant", importlib.metadata.version("homeassistant"))
for name, use in USES.items():
    try:
        seen[name] = use()
    except (AttributeError, TypeError) as error:
        seen[name] = type(error)
    print(f"{name}:", seen[name])
written = json.loads(json_bytes(DeviceInfo(name="Server")))
print("written by orjson:", written)
failing = {name for name, value in seen.items() if isinstance(value, type)}
if sys.argv[1] == "dict":
    assert not failing and not seen["bool of none"]
    assert written == {"name": "Server"}
else:
    assert failing == {"info | dict", "list(info)", "info.pop", "info.copy()", "unknown key"}
    assert seen["bool of none"]
    assert written["name"] == "Server" and written["sw_version"] == 0
PY
see() { # version, what a DeviceInfo is
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  "$venv/bin/python" "$folder/see.py" "$2" || { echo "changed"; exit 1; }
}
see 2026.10.4 dict
see 2026.11.0 other
