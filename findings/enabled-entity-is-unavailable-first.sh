#!/usr/bin/env bash
# Enabling an entity makes it "unavailable" at once in 2026.11, and so does disabling its entry in 2026.10.
#
# Guess: an entity that was disabled has no state until its integration is reloaded, half a minute after it was enabled,
# and then the one it reports. An entity whose entry is disabled has none either.
# Seen: homeassistant 2026.10.4 does the first, but keeps an "unavailable" of each entity of a disabled entry.
# 2026.11.0 has it the other way round: an enabled entity is "unavailable" until the reload, and those of a disabled entry
# have no state. An automation for whatever becomes unavailable, with no `from`, sends its message for an entity that
# somebody just enabled; and one that watches for entries that were switched off by mistake no longer does.
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


class Rate(SensorEntity):
    _attr_entity_registry_enabled_default = False
    _attr_name = "rate"
    _attr_native_value = 5
    _attr_should_poll = False
    _attr_unique_id = "rate"


async def async_setup_entry(hass, entry, async_add_entities):
    async_add_entities([Rate()])
PY
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
import sys
from types import MappingProxyType

from homeassistant import loader
from homeassistant.config_entries import (
    ConfigEntries,
    ConfigEntry,
    ConfigEntryDisabler,
)
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
    await ir.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    hass.set_state(CoreState.running)
    assert await async_setup_component(hass, "sensor", {})
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

    def state() -> str | None:
        found = hass.states.get("sensor.rate")
        return None if found is None else found.state

    seen = [state()]
    er.async_get(hass).async_update_entity("sensor.rate", disabled_by=None)
    await hass.async_block_till_done()
    seen.append(state())
    await hass.config_entries.async_reload(entry.entry_id)
    seen.append(state())
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    seen.append(state())
    print("disabled, enabled, reloaded, entry disabled:", seen)
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
failed=0
see() { # version, the states
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  cp -r "$folder/config" "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" | tee "$folder/out"
  grep -qF "entry disabled: $2" "$folder/out" || failed=1
}
see 2026.10.4 "[None, None, '5', 'unavailable']"
see 2026.11.0 "[None, 'unavailable', '5', None]"
exit "$failed"
