#!/usr/bin/env bash
# A Store that was removed gives its data all the same up to 2026.10, if a save was due; from 2026.11 on it gives none.
#
# Guess: after `await store.async_remove()` there is nothing to load: no file, and no data that wait for their save.
# Seen: in homeassistant 2026.10.4 the removal cancels the save but keeps the data that it was to write, and
# `async_load` takes those before it looks for the file. The next load gives what was deleted, an emptied queue or a
# token, for as long as the object lives. 2026.11.0 gives None. Make a new Store after a removal, or load before.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
from pathlib import Path
import sys

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store


async def main():
    hass = HomeAssistant(sys.argv[1])

    async def after_removal(due):
        store = Store(hass, 1, "thing")
        await store.async_save({"jobs": 1})
        if due:
            store.async_delay_save(lambda: {"jobs": 2}, 10)
        await store.async_remove()
        loaded = await store.async_load()
        print("a save is due:" if due else "no save is due:", "loaded", loaded, "- a file:", Path(store.path).exists())
        assert not Path(store.path).exists()
        return loaded

    old = importlib.metadata.version("homeassistant") == "2026.10.4"
    assert await after_removal(due=False) is None
    assert await after_removal(due=True) == ({"jobs": 2} if old else None)
    assert await Store(hass, 1, "thing").async_load() is None
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
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
  mkdir "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
