#!/usr/bin/env bash
# "Not ready" and "sign in again" are not heard from the platform of an integration: the entry is loaded, without
# entities.
#
# Guess: ConfigEntryNotReady and ConfigEntryAuthFailed mean the same in `async_setup_entry` of the integration and of
# its sensor.py, for which the former waits: try again later, ask for a new sign-in.
# Seen (homeassistant 2026.10.4 and 2026.11.0): from sensor.py they are logged and that is all.
# `async_forward_entry_setups` returns as if it had gone well, the entry is LOADED, no retry is planned and no sign-in
# is asked for. A first refresh of a coordinator that is made in a platform ends this way when the server is away: no
# entities until somebody reloads. Ask the server before the platforms are set up, or raise PlatformNotReady there.
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

    async def async_step_reauth(self, data):
        return self.async_show_form(step_id="reauth")
PY
cat >"$integration/__init__.py" <<'PY'
error = None


async def async_setup_entry(hass, entry):
    if error:
        raise error
    await hass.config_entries.async_forward_entry_setups(entry, ["sensor"])
    return True


async def async_unload_entry(hass, entry):
    return await hass.config_entries.async_unload_platforms(entry, ["sensor"])
PY
cat >"$integration/sensor.py" <<'PY'
error = None


async def async_setup_entry(hass, entry, async_add_entities):
    if error:
        raise error
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
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
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
    from custom_components.fake import sensor
    import custom_components.fake as fake

    async def outcome(where, error):
        fake.error, sensor.error = (error, None) if where == "__init__.py" else (None, error)
        entry = await add_entry(hass)
        asked = [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()]
        seen = entry.state.name, asked
        print(where, "raises", type(error).__name__, "-", *seen)
        await hass.config_entries.async_remove(entry.entry_id)
        await hass.async_block_till_done()
        return seen

    away, denied = ConfigEntryNotReady("Plex is away"), ConfigEntryAuthFailed("Plex refuses the token")
    assert await outcome("__init__.py", away) == ("SETUP_RETRY", [])
    assert await outcome("sensor.py", away) == ("LOADED", [])
    assert await outcome("__init__.py", denied) == ("SETUP_ERROR", ["reauth"])
    assert await outcome("sensor.py", denied) == ("LOADED", [])
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
