#!/usr/bin/env bash
# One callback of a config entry that raises as the entry is unloaded leaves it torn down, stuck and half unsubscribed.
#
# Guess: callbacks given to `entry.async_on_unload` are independent: one that raises is logged, the others are called,
# and the entry is unloaded, since its `async_unload_entry` said so.
# Seen (homeassistant 2026.10.4): they are called from the last one to the first. The error ends the walk, so whatever
# was registered before stays subscribed; `async_unload` gives False and the entry is in the state "failed unload",
# which nothing but a restart of Home Assistant ends: a reload is refused.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" homeassistant==2026.10.4
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet homeassistant==2026.10.4
fi
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
called = []


def fails():
    called.append("second")
    raise ValueError("a connection that is gone already, for example")


async def async_setup_entry(hass, entry):
    entry.async_on_unload(lambda: called.append("first"))
    entry.async_on_unload(fails)
    entry.async_on_unload(lambda: called.append("third"))
    return True


async def async_unload_entry(hass, entry):
    called.append("async_unload_entry")
    return True
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
    OperationNotAllowed,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    frame,
    translation,
)


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
    print("set up:", entry.state.name)
    unloaded = await hass.config_entries.async_unload(entry.entry_id)
    from custom_components.fake import called

    print("unloaded:", unloaded, entry.state.name, "called:", called)
    try:
        await hass.config_entries.async_reload(entry.entry_id)
        refused = False
    except OperationNotAllowed:
        refused = True
    print("reload refused:", refused)
    await hass.async_stop(force=True)
    assert not unloaded
    assert entry.state.name == "FAILED_UNLOAD"
    assert called == ["async_unload_entry", "third", "second"]
    assert refused


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
