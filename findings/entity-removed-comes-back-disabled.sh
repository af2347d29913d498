#!/usr/bin/env bash
# An integration that was removed and is set up anew has its entities disabled and named as they were before.
#
# Guess: Removing a config entry removes its entities from the registry, so setting it up again begins anew: each entity
# is enabled, and has the id and the name of a first set-up.
# Seen (homeassistant 2026.10.4 and 2026.11.0): for 30 days the registry keeps what was deleted, and an entity with the
# same unique id gets all of it back: its id, name, icon and area, and that it is disabled or hidden. "Remove it and add
# it again" does not help whoever misses a sensor that was disabled, and a unique id that is the server's brings the old
# names to a new entry for another purpose. Enable it, or reset its name, in the registry.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
integration=$folder/config/custom_components/fake
mkdir -p "$integration"
cat >"$integration/manifest.json" <<'JSON'
{"domain": "fake", "name": "Fake", "codeowners": [], "config_flow": true, "documentation": "https://example.com",
 "integration_type": "service", "iot_class": "calculated", "version": "1.0.0"}
JSON
cat >"$integration/config_flow.py" <<'PY'
from homeassistant.config_entries import ConfigFlow


class FakeFlow(ConfigFlow, domain="fake"):
    VERSION = 1
PY
cat >"$integration/__init__.py" <<'PY'
async def async_setup_entry(hass, entry):
    await hass.config_entries.async_forward_entry_setups(entry, ["sensor"])
    return True


async def async_unload_entry(hass, entry):
    return await hass.config_entries.async_unload_platforms(entry, ["sensor"])
PY
cat >"$integration/sensor.py" <<'PY'
from homeassistant.components.sensor import SensorEntity


class Waiting(SensorEntity):
    _attr_name = "waiting"
    _attr_native_value = 5
    _attr_should_poll = False
    _attr_unique_id = "waiting"


async def async_setup_entry(hass, entry, async_add_entities):
    async_add_entities([Waiting()])
PY
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
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
    issue_registry as ir,
    translation,
)
from homeassistant.setup import async_setup_component

logging.disable(logging.CRITICAL)


async def start():
    hass = HomeAssistant(sys.argv[1])
    hass.config.skip_pip = True
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    for registry in (dr, er, ir):
        await registry.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    hass.set_state(CoreState.running)
    assert await async_setup_component(hass, "sensor", {})
    return hass


async def add_entry(hass):
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
    await hass.async_block_till_done()
    return entry


async def main():
    hass = await start()
    registry = er.async_get(hass)

    def shown(entry):
        (found,) = er.async_entries_for_config_entry(registry, entry.entry_id)
        state = hass.states.get(found.entity_id)
        seen = found.entity_id, found.name, found.disabled_by, state and state.state
        print(*seen)
        return seen

    entry = await add_entry(hass)
    assert shown(entry) == ("sensor.waiting", None, None, "5")
    by_user = er.RegistryEntryDisabler.USER
    registry.async_update_entity("sensor.waiting", new_entity_id="sensor.mine", name="Mine", disabled_by=by_user)
    await hass.async_block_till_done()
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    print("registered after the entry was removed:", list(registry.entities))
    assert not registry.entities
    assert shown(await add_entry(hass)) == ("sensor.mine", "Mine", by_user, None)
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
  cp -r "$folder/config" "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
