#!/usr/bin/env bash
# An action for an entity that is unavailable fails if its answer is wanted, and goes well, with nothing done, if it is
# not.
#
# Guess: whether a `response_variable` is set does not change what the action does. For an entity that is unavailable it
# fails both times, or both times does nothing, with an empty answer.
# Seen (homeassistant 2026.10.4 and 2026.11.0): an entity that is unavailable is left out without a word. If none is
# left, a call without an answer is done, and one with an answer raises that it "did not match any entities", as for one
# that does not exist. Of two entities, one of them away, both calls go well and the answer has one key:
# `answer['library.shows']` is not defined then. A check that adds a `response_variable` to look at the result turns
# "did nothing" into an error.
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

from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant, SupportsResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity,
    entity_registry as er,
    floor_registry as fr,
    frame,
    label_registry as lr,
)
from homeassistant.helpers.entity_component import EntityComponent

logging.disable(logging.CRITICAL)


class Library(entity.Entity):
    _attr_should_poll = False

    def __init__(self, name):
        self._attr_name = self._attr_unique_id = name
        self._attr_available = name == "films"

    async def async_scan(self):
        scanned.append(self.name)
        return {"found": 3}


scanned = []


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    for registry in (fr, lr, ar, dr, er):
        await registry.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    hass.set_state(CoreState.running)
    libraries = EntityComponent(logging.getLogger(), "library", hass)
    await libraries.async_add_entities([Library("films"), Library("shows")])  # "shows" is unavailable
    libraries.async_register_entity_service("scan", {}, "async_scan", supports_response=SupportsResponse.OPTIONAL)

    async def scan(names, wanted):
        scanned.clear()
        data = {"entity_id": [f"library.{name}" for name in names]}
        try:
            result = await hass.services.async_call("library", "scan", data, blocking=True, return_response=wanted)
        except HomeAssistantError as error:
            result = f"raises: {error}"
        print(*names, "- answer wanted:" if wanted else "- no answer wanted:", result, "- scanned:", *scanned)
        return result, list(scanned)

    assert await scan(["shows"], wanted=False) == (None, [])
    error, _ = await scan(["shows"], wanted=True)
    assert error.startswith("raises") and error.endswith("did not match any entities")
    assert await scan(["films", "shows"], wanted=False) == (None, ["films"])
    assert await scan(["films", "shows"], wanted=True) == ({"library.films": {"found": 3}}, ["films"])
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
