#!/usr/bin/env bash
# The name that a user gave an entity is all of its name up to 2026.10; in 2026.11 the device's comes before it, some day.
#
# Guess: `friendly_name` of an entity that was renamed to "Waiting" is "Waiting", as ever; only a name that comes from the
# integration has the device's before it. If a new version changes that, it changes it for all, on the day of the update.
# Seen: homeassistant 2026.10.4 shows "Waiting". After the update to 2026.11.0 the same entity still shows "Waiting", until
# its device is given another name and that is taken back: the device's stands before it from then on. An entity that is
# named only now is "Plex Waiting" at once, and "Plex waiting" becomes "Plex Plex waiting", while one that had that name
# before the update is "Plex Waiting" now, with a large W. Whoever compares or prints `friendly_name` meets all of these.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
from datetime import timedelta
import importlib.metadata
import json
import logging
from pathlib import Path
import sys
from types import MappingProxyType

from homeassistant import loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity,
    entity_registry as er,
    frame,
    translation,
)
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import EntityPlatform


class Queue(Entity):
    _attr_device_info = DeviceInfo(identifiers={("fake", "1")}, name="Plex")
    _attr_has_entity_name = True
    _attr_should_poll = False
    _attr_state = 1

    def __init__(self, name: str) -> None:
        self._attr_name = self._attr_unique_id = name


async def start() -> tuple[HomeAssistant, list[Queue]]:
    hass = HomeAssistant(sys.argv[1])
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    await dr.async_load(hass)
    await er.async_load(hass)
    entity.async_setup(hass)
    hass.set_state(CoreState.running)
    if not (entries := hass.config_entries.async_entries("fake")):
        entry = ConfigEntry(
            data={},
            discovery_keys=MappingProxyType({}),
            domain="fake",
            minor_version=1,
            options={},
            source="user",
            subentries_data=(),
            title="Fake",
            unique_id=None,
            version=1,
        )
        await hass.config_entries.async_add(entry)
        entries = [entry]
    platform = EntityPlatform(
        domain="sensor",
        entity_namespace=None,
        hass=hass,
        logger=logging.getLogger("fake"),
        platform=None,
        platform_name="fake",
        scan_interval=timedelta(seconds=30),
    )
    platform.config_entry = entries[0]
    queues = [Queue("one"), Queue("two")]
    await platform.async_add_entities(queues)
    return hass, queues


async def main() -> None:
    logging.disable()
    known = Path(sys.argv[1], ".storage", "core.entity_registry").exists()
    hass, queues = await start()
    registry = er.async_get(hass)

    def shown() -> str:
        names = [hass.states.get(queue.entity_id).attributes["friendly_name"] for queue in queues]
        return json.dumps(names)

    if known:
        names = [registry.async_get(queue.entity_id).name for queue in queues]
        print("named by the version before:", json.dumps(names), "shown:", shown())
        devices = dr.async_get(hass)
        number = registry.async_get(queues[0].entity_id).device_id
        for name in ("Server", None):
            devices.async_update_device(number, name_by_user=name)
            await hass.async_block_till_done()
        print("device renamed, and back; shown:", shown())
    for queue, name in zip(queues, ("Waiting", "Plex waiting"), strict=True):
        registry.async_update_entity(queue.entity_id, name=None)
        registry.async_update_entity(queue.entity_id, name=name)
    await hass.async_block_till_done()
    print("named 'Waiting' and 'Plex waiting', shown:", shown())
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
failed=0
see() { # version, what is shown; both versions in turn use the same files
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  "$venv/bin/python" "$folder/see.py" "$folder/config" | tee "$folder/out"
  grep -qF "$2" "$folder/out" || failed=1
}
mkdir "$folder/config"
see 2026.10.4 "'Plex waiting', shown: [\"Waiting\", \"Plex waiting\"]"
see 2026.11.0 'named by the version before: ["Waiting", "Waiting"] shown: ["Waiting", "Plex Waiting"]'
grep -qF 'device renamed, and back; shown: ["Plex Waiting", "Plex Waiting"]' "$folder/out" || failed=1
grep -qF "'Plex waiting', shown: [\"Plex Waiting\", \"Plex Plex waiting\"]" "$folder/out" || failed=1
exit "$failed"
