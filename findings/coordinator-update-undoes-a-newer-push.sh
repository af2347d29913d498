#!/usr/bin/env bash
# Data that is pushed into a coordinator while it updates is overwritten by the older data of that update.
#
# Guess: `async_set_updated_data` makes an update that is still running void, as it cancels the one that is planned; or
# the coordinator tells its entities when it goes back to older data.
# Seen (homeassistant 2026.10.4 and 2026.11.0): the update goes on, and what it read before the push becomes `data`. With
# `always_update` the entities show the old value again. Without it they are not even told, since the old data equal those
# from before the push: entities show "open", `data` is "closed", and each later update that finds "closed" is no change,
# so they show "open" for good. Whoever polls and is notified needs a number of his own for what is newer.
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
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

READING = 0.2  # seconds that the server needs to answer


class Coordinator(DataUpdateCoordinator):
    circuit = "closed"

    async def _async_update_data(self):
        seen = self.circuit
        await asyncio.sleep(READING)
        return seen


async def shown(hass, always_update):
    coordinator = Coordinator(
        hass, logging.getLogger(), config_entry=None, name="circuit", always_update=always_update
    )
    await coordinator.async_refresh()
    entity = []  # what an entity was told to show
    coordinator.async_add_listener(lambda: entity.append(coordinator.data))
    running = asyncio.create_task(coordinator.async_refresh())
    await asyncio.sleep(READING / 2)
    coordinator.circuit = "open"
    coordinator.async_set_updated_data("open")
    await running
    after, told = coordinator.data, list(entity)
    coordinator.circuit = "closed"
    await coordinator.async_refresh()
    print("always_update", always_update, "- told:", told, "- data:", after, "- told after it closed:", entity)
    return told, after, entity[-1]


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    assert await shown(hass, True) == (["open", "closed"], "closed", "closed")
    assert await shown(hass, False) == (["open"], "closed", "open")
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
