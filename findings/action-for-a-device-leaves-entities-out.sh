#!/usr/bin/env bash
# What an action does to a device, an area or a label is not what a template lists for it.
#
# Guess: `target: device_id` reaches the entities that `device_entities` lists, `target: label_id` those of
# `label_entities`: a loop over the template's list and the action with the target do the same.
# Seen (homeassistant 2026.10.4 and 2026.11.0): by a device, an area or a label of its device an action reaches an
# entity only if it is neither hidden nor a "configuration" or "diagnostic" one; the template lists those too. A label
# that a device has reaches the device's entities by an action, while `label_entities` lists none of them. An action for
# a device whose only button is a diagnostic one presses nothing. Name the entity, or give it the label itself, which
# reaches all but hidden ones.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import sys
from types import MappingProxyType

from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    frame,
    issue_registry as ir,
    label_registry as lr,
    target,
)
from homeassistant.helpers.template import Template


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    for registry in (dr, er, ar, fr, ir, lr):
        await registry.async_load(hass, load_empty=True)
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
    hass.config_entries._entries[entry.entry_id] = entry
    area = ar.async_get(hass).async_create("Attic").id
    label = lr.async_get(hass).async_create("Plex").label_id
    devices, entities = dr.async_get(hass), er.async_get(hass)
    device = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={("fake", "plex")}).id
    devices.async_update_device(device, area_id=area, labels={label})
    names = {}
    for name, options in {
        "sync": {},
        "restart": {"entity_category": er.EntityCategory.CONFIG},
        "check": {"entity_category": er.EntityCategory.DIAGNOSTIC},
        "hidden": {"hidden_by": er.RegistryEntryHider.USER},
    }.items():
        options |= {"config_entry": entry, "device_id": device}
        names[entities.async_get_or_create("button", "fake", name, **options).entity_id] = name

    def reached(kind, key):
        selection = target.TargetSelection({f"{kind}_id": key})
        found = target.async_extract_referenced_entity_ids(hass, selection)
        listed = Template(f"{{{{ {kind}_entities('{key}') }}}}", hass).async_render()
        seen = [sorted(names[i] for i in ids) for ids in (found.referenced | found.indirectly_referenced, listed)]
        print(kind, "- reached by an action:", seen[0], "- listed by a template:", seen[1])
        return seen

    everything = ["check", "hidden", "restart", "sync"]
    assert reached("device", device) == [["sync"], everything]
    assert reached("area", area) == [["sync"], everything]
    assert reached("label", label) == [["sync"], []]
    for entity_id in names:
        entities.async_update_entity(entity_id, labels={label})
    assert reached("label", label) == [["check", "restart", "sync"], everything]
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
