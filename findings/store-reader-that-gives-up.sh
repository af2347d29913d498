#!/usr/bin/env bash
# Two tasks load one Store at once and the second gives up: up to 2026.10 the first one fails for it.
#
# Guess: a second `async_load` that waits for the first is a bystander. When its task is cancelled, by a timeout or an
# unload, the first one still gets the data.
# Seen: in homeassistant 2026.10.4 both wait for one future, and the cancellation cancels that. The first load has read
# the file and then raises InvalidStateError, which no handler of storage errors catches. In 2026.11.0 it gets the data.
# Load a Store in one place, and keep what it gave.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import json
from pathlib import Path
import sys

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store


async def main() -> None:
    hass = HomeAssistant(sys.argv[1])
    file = Path(sys.argv[1], ".storage", "thing")
    file.parent.mkdir()
    file.write_text(json.dumps({"version": 1, "minor_version": 1, "key": "thing", "data": {"a": 1}}))
    store = Store(hass, 1, "thing")
    first = asyncio.create_task(store.async_load())
    second = asyncio.create_task(store.async_load())
    await asyncio.sleep(0)
    second.cancel()
    results = await asyncio.gather(first, second, return_exceptions=True)
    print("first:", repr(results[0]), "second:", repr(results[1]))
    print("a third one, later:", await store.async_load())
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
failed=0
see() { # version, what the first reader gets
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  mkdir "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" | tee "$folder/out"
  grep -qF "first: $2 second: CancelledError" "$folder/out" || failed=1
}
see 2026.10.4 "InvalidStateError('invalid state')"
see 2026.11.0 "{'a': 1}"
exit "$failed"
