#!/usr/bin/env bash
# An update listener is called before the devices of a removed subentry go on 2026.10, and after that on 2026.11.
#
# Guess: a listener is told last. When it learns that a subentry was removed, its devices and entities are gone from the
# registries.
# Seen: the first part of a listener, up to its first wait, runs within `async_remove_subentry`. On homeassistant 2026.10.4
# the subentry is gone by then, but its device and its entity are registered and the entity shows a state; on 2026.11.0
# device and entity are gone from the registries as well. A listener that reads from the device what to clean up can do so
# on 2026.10 only, and one that counts devices is wrong there. Go by what the entry's subentries say.
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
from homeassistant.helpers import device_registry as dr, entity_registry as er

told = []


async def follow(hass, entry):
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    told.append((sorted(entry.subentries), len(devices), len(entities)))


async def async_setup_entry(hass, entry):
    await hass.config_entries.async_forward_entry_setups(entry, ["sensor"])
    entry.async_on_unload(entry.add_update_listener(follow))
    return True
PY
cat >"$integration/sensor.py" <<'PY'
from homeassistant.components.sensor import SensorEntity
from homeassistant.helpers.device_registry import DeviceInfo


class Source(SensorEntity):
    _attr_native_value = 1
    _attr_should_poll = False

    def __init__(self, number):
        self._attr_device_info = DeviceInfo(identifiers={("fake", number)}, name=number)
        self._attr_name = self._attr_unique_id = number


async def async_setup_entry(hass, entry, async_add_entities):
    for number in entry.subentries:
        async_add_entities([Source(number)], config_subentry_id=number)
PY
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
import sys
from types import MappingProxyType

from homeassistant import loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry, ConfigSubentryData
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity,
    entity_registry as er,
    frame,
    translation,
)
from homeassistant.setup import async_setup_component


async def main() -> None:
    logging.disable()
    hass = HomeAssistant(sys.argv[1])
    hass.config.skip_pip = True
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    await dr.async_load(hass, load_empty=True)
    await er.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    hass.set_state(CoreState.running)
    assert await async_setup_component(hass, "sensor", {})
    subentries = [
        ConfigSubentryData(data={}, subentry_id=number, subentry_type="source", title=number, unique_id=None)
        for number in ("one", "two")
    ]
    entry = ConfigEntry(
        data={},
        discovery_keys=MappingProxyType({}),
        domain="fake",
        minor_version=1,
        options={},
        source="user",
        subentries_data=subentries,
        title="Fake",
        unique_id=None,
        version=1,
    )
    await hass.config_entries.async_add(entry)
    await hass.async_block_till_done()
    from custom_components.fake import told

    hass.config_entries.async_remove_subentry(entry, "two")
    print("subentries, number of devices and of entities when told:", told)
    await hass.async_block_till_done()
    print("states in the end:", len(hass.states.async_all()))
    await hass.async_stop(force=True)
    number = int(sys.argv[2])
    assert told == [(["one"], number, number)]


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
see() { # version, the devices that the listener finds
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  cp -r "$folder/config" "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" "$2" || { echo "changed"; exit 1; }
}
see 2026.10.4 2
see 2026.11.0 1
