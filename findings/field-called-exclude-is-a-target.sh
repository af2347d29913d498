#!/usr/bin/env bash
# An action for entities whose own field is called `exclude` is refused from 2026.11 on: the name belongs to the target
# now.
#
# Guess: the fields of an action that is registered by `async_register_entity_service` are the integration's own. Apart
# from the five keys of a target (`entity_id`, `device_id`, `area_id`, `floor_id`, `label_id`) it may call them as it
# likes.
# Seen: homeassistant 2026.10.4 hands `exclude: [horror]` to the entities. 2026.11.0 has a sixth key, and puts its own
# schema over that of the integration: "expected a mapping", before any entity is asked. `exclude` with a mapping in it
# never reaches the entities either, it takes some of them out. Automations of users break by the update alone. No
# warning was given at registration; other actions, without entities, may keep the name.
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

import probatio

from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    config_validation as cv,
    device_registry as dr,
    entity,
    entity_registry as er,
    floor_registry as fr,
    frame,
    label_registry as lr,
)
from homeassistant.helpers.entity_component import EntityComponent


class Library(entity.Entity):
    _attr_should_poll = False

    def __init__(self, name):
        self._attr_name = self._attr_unique_id = name

    async def async_scan(self, **fields):
        scanned.append((self.name, fields))


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
    await libraries.async_add_entities([Library("films"), Library("shows")])
    libraries.async_register_entity_service("scan", {probatio.Optional("exclude"): object}, "async_scan")

    async def scan(exclude):
        scanned.clear()
        data = {"entity_id": ["library.films", "library.shows"], "exclude": exclude}
        try:
            await hass.services.async_call("library", "scan", data, blocking=True)
        except probatio.Invalid as error:
            print(f"exclude: {exclude}", "-", error)
            return "refused"
        print(f"exclude: {exclude}", "-", sorted(scanned))
        return sorted(scanned)

    genres, shows = ["horror"], {"entity_id": ["library.shows"]}
    if importlib.metadata.version("homeassistant") == "2026.10.4":
        assert await scan(genres) == [("films", {"exclude": genres}), ("shows", {"exclude": genres})]
        assert await scan(shows) == [("films", {"exclude": shows}), ("shows", {"exclude": shows})]
    else:
        assert await scan(genres) == "refused"
        assert await scan(shows) == [("films", {})]
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
