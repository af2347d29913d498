#!/usr/bin/env bash
# Home Assistant's Store takes a file of a newer minor version for its own, and writes it back as an older one.
#
# Guess: a `.storage` file whose `minor_version` is greater than the Store's own is refused, as one of a newer major
# version is, or at least keeps its number when it is saved again.
# Seen (homeassistant 2026.10.4): `async_load` gives the data as they are, without a word; the next `async_save`
# writes the lower number. Whoever goes back to an older release, and on again, meets a file that says it was never
# migrated, with whatever the older release left out.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" homeassistant==2026.10.4
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet homeassistant==2026.10.4
fi
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
    left = {"version": 1, "minor_version": 9, "key": "thing", "data": {"old": 1, "new": 2}}
    file.write_text(json.dumps(left))
    store = Store(hass, 1, "thing", minor_version=2)
    data = await store.async_load()
    print("loaded:", data)
    await store.async_save({"old": data["old"]})
    saved = json.loads(file.read_text())
    print("saved:", saved)
    await hass.async_stop(force=True)
    assert data == left["data"]
    assert saved["minor_version"] == 2


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
mkdir "$folder/config"
"$folder/venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
