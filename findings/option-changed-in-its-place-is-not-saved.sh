#!/usr/bin/env bash
# A list among the options of a config entry that is changed in its place is not saved, and nobody is told.
#
# Guess: `options = dict(entry.options)`, then `options["libraries"].append("Films")`, then `async_update_entry(entry,
# options=options)` is an update: the options are a copy, and are not what they were.
# Seen (homeassistant 2026.10.4 and 2026.11.0): the copy has the very list of the entry. The append changes both, so
# nothing is different when the update compares them. It returns False, no listener is called, the entry is not reloaded
# and nothing is written: the library is there until the restart. Make new lists, or copy with `copy.deepcopy`.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import copy
import importlib.metadata
import sys
from types import MappingProxyType

from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, frame, issue_registry as ir


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    for registry in (dr, er, ir):
        await registry.async_load(hass, load_empty=True)
    told = []

    async def listener(hass, entry):
        told.append(list(entry.options["libraries"]))

    async def added(copied):
        entry = ConfigEntry(
            data={},
            discovery_keys=MappingProxyType({}),
            domain="fake",
            minor_version=1,
            options={"libraries": ["Shows"]},
            source="user",
            subentries_data=(),
            title="Fake",
            unique_id=None,
            version=1,
        )
        hass.config_entries._entries[entry.entry_id] = entry
        entry.add_update_listener(listener)
        options = copied(entry.options)
        options["libraries"].append("Films")
        told.clear()
        changed = hass.config_entries.async_update_entry(entry, options=options)
        await hass.async_block_till_done()
        print(copied.__name__, "- changed:", changed, "- told:", told, "- shown:", entry.options["libraries"])
        return changed, list(told), list(entry.options["libraries"])

    def deepcopy(options):
        return copy.deepcopy(dict(options))

    both = ["Shows", "Films"]
    assert await added(dict) == (False, [], both)
    assert await added(deepcopy) == (True, [both], both)
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
