#!/usr/bin/env bash
# The action `homeassistant.update_entity` is done before the entity was updated, if it was called shortly before.
#
# Guess: The action waits for the update, so the next step of a script reads the new state. So does `await
# coordinator.async_request_refresh()` before its `data` is read.
# Seen (homeassistant 2026.10.4 and 2026.11.0): that holds for the first call. Within ten seconds of it the entity of a
# coordinator returns at once with its old data, and the update comes when the ten seconds are over. A script that
# presses a button, updates the sensor and reads it works when it is tried once, and reads old values in a loop. Wait
# for the state to change, or call `async_refresh`, which does wait.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
import sys

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.update_coordinator import CoordinatorEntity, DataUpdateCoordinator


class Coordinator(DataUpdateCoordinator):
    asked = 0

    async def _async_update_data(self):
        self.asked += 1
        return self.asked


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    coordinator = Coordinator(hass, logging.getLogger("films"), config_entry=None, name="films")
    entity = CoordinatorEntity(coordinator)
    seen = []
    for _ in range(3):
        await entity.async_update()  # what homeassistant.update_entity calls and waits for
        seen.append(coordinator.data)
    print("after each of three updates of the entity:", seen)
    await coordinator.async_refresh()
    print("after async_refresh:", coordinator.data)
    assert seen == [1, 1, 1]
    assert coordinator.data == 2
    await coordinator.async_shutdown()
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
