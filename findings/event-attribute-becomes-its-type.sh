#!/usr/bin/env bash
# An attribute of an event entity that is called `event_type` takes the place of the event's type.
#
# Guess: `_trigger_event("failed", {"event_type": "movie"})` has a type that was checked against `event_types`. The
# attribute is refused, or the type wins.
# Seen (homeassistant 2026.10.4 and 2026.11.0): the state says that the type is "movie", which none of the entity's types
# is. The trigger `event.received` looks at this attribute, so its automations for "failed" stay silent, and nothing is
# logged. Whoever hands on what a webhook or a notification brought, with keys that others chose, should put it under a
# key of its own.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
import sys

from homeassistant.components.event import EventEntity
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity, entity_registry as er, frame, restore_state
from homeassistant.helpers.entity_component import EntityComponent


class Happened(EventEntity):
    _attr_event_types = ["failed", "written"]
    _attr_name = "happened"
    _attr_should_poll = False


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    await dr.async_load(hass, load_empty=True)
    await er.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    await restore_state.async_load(hass)
    hass.set_state(CoreState.running)
    happened = Happened()
    await EntityComponent(logging.getLogger(), "event", hass).async_add_entities([happened])

    def shown(attributes):
        happened._trigger_event("failed", attributes)
        happened.async_write_ha_state()
        kind = hass.states.get("event.happened").attributes["event_type"]
        print(attributes, "is shown as", kind, "of", happened.event_types)
        return kind

    assert shown({"item": "movie"}) == "failed"
    assert shown({"event_type": "movie"}) == "movie"
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
