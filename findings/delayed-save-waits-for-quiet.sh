#!/usr/bin/env bash
# A Store that is saved with a delay is not saved at all for as long as changes keep coming.
#
# Guess: `store.async_delay_save(data, 10)` writes ten seconds after the first change that is not written yet; further
# calls find that a save is planned. A crash loses ten seconds at most.
# Seen (homeassistant 2026.10.4 and 2026.11.0): each call puts the save off by the whole delay. With a change every five
# seconds, as during a sync, nothing is written until it ends, and a kill or a power cut loses all of it. A call with a
# longer delay puts off a nearer save, too. Call it only when none is planned, or save by the clock.
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

DELAY = 1


async def main():
    hass = HomeAssistant(sys.argv[1])
    store = Store(hass, 1, "progress")
    file = Path(store.path)
    for number in range(30):  # three times the delay
        store.async_delay_save(lambda number=number: {"done": number}, DELAY)
        await asyncio.sleep(DELAY / 10)
    while_busy = file.exists()
    await asyncio.sleep(DELAY * 3)
    after = file.exists()
    print("written after three times the delay:", while_busy, "- and after it was quiet:", after)

    store = Store(hass, 1, "nearer")
    store.async_delay_save(lambda: {"done": 1}, DELAY)
    store.async_delay_save(lambda: {"done": 2}, DELAY * 20)
    await asyncio.sleep(DELAY * 2)
    nearer = Path(store.path).exists()
    print("a near save, then a far one: written", nearer)
    assert (while_busy, after, nearer) == (False, True, False)
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
