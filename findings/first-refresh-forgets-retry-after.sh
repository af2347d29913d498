#!/usr/bin/env bash
# A server that asks for five minutes' rest at the start is asked again after five seconds up to 2026.10, from 2026.11
# on not.
#
# Guess: `UpdateFailed(retry_after=300)`, which a coordinator makes of a "Retry-After: 300", holds for its first refresh
# as for each later one: the entry is set up again after 300 s.
# Seen: in homeassistant 2026.10.4 the number is dropped on the way to ConfigEntryNotReady, and the entry is tried again
# after 5 s, 10 s, 20 s and so on, five times within the five minutes, and by each reload anew. 2026.11.0 waits 300 s. A
# custom integration that supports both has to keep the time itself, and raise without asking until it is over.
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
import logging

from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

asked = 0


async def ask():
    global asked
    asked += 1
    raise UpdateFailed("busy", retry_after=300)


async def async_setup_entry(hass, entry):
    coordinator = DataUpdateCoordinator(
        hass, logging.getLogger(__name__), config_entry=entry, name="fake", update_method=ask
    )
    await coordinator.async_config_entry_first_refresh()
    return True
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
    assert await async_setup_component(hass, "fake", {})
    entry = await add_entry(hass)
    assert entry.state.name == "SETUP_RETRY"
    import custom_components.fake as fake

    await asyncio.sleep(8)
    print("the server asked for 300 s of rest; after 8 s it was asked", fake.asked, "times")
    assert fake.asked == (2 if importlib.metadata.version("homeassistant") == "2026.10.4" else 1)
    await hass.config_entries.async_remove(entry.entry_id)
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
  "$venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
