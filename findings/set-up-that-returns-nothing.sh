#!/usr/bin/env bash
# An integration whose set-up forgets `return True` fails on 2026.10 and is loaded on 2026.11; its unload the same.
#
# Guess: `async_setup_entry` and `async_unload_entry` have to return True. Nothing, or None, is a failure in each
# version.
# Seen: in homeassistant 2026.10.4 None is a set-up error without a reason in the dialog, and from the unload it makes
# "failed unload", which only a restart ends. 2026.11.0 takes None for success, and only False for a failure. What was
# written and tried on 2026.11 breaks for everybody who has not updated, and the unload only once somebody reloads.
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
answer = unload_answer = True


async def async_setup_entry(hass, entry):
    return answer


async def async_unload_entry(hass, entry):
    return unload_answer
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
    import custom_components.fake as fake

    async def outcome(answer, unload_answer):
        fake.answer, fake.unload_answer = answer, unload_answer
        entry = await add_entry(hass)
        seen = [entry.state.name]
        if entry.state.name == "LOADED":
            await hass.config_entries.async_unload(entry.entry_id)
            seen.append(entry.state.name)
        print(f"set-up returns {answer}, unload returns {unload_answer}:", *seen, "-", entry.reason)
        await hass.config_entries.async_remove(entry.entry_id)
        return seen

    old = importlib.metadata.version("homeassistant") == "2026.10.4"
    assert await outcome(True, True) == ["LOADED", "NOT_LOADED"]
    assert await outcome(False, True) == ["SETUP_ERROR"]
    assert await outcome(None, True) == (["SETUP_ERROR"] if old else ["LOADED", "NOT_LOADED"])
    assert await outcome(True, None) == (["LOADED", "FAILED_UNLOAD"] if old else ["LOADED", "NOT_LOADED"])
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
