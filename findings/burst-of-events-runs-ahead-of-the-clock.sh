#!/usr/bin/env bash
# The time that an event entity shows may lie in the future: a burst of events is dated a millisecond apart.
#
# Guess: the state of an event entity is when its last event happened, so it is never later than now. Two events within
# one millisecond have the same state; with the same attributes the second one is no change.
# Seen (homeassistant 2026.10.4 and 2026.11.0): an event is dated at least a millisecond after the one before, so each
# of them is a change and triggers its automation. Two thousand events that an integration reports at once, after an
# outage for example, date the last one up to two seconds ahead. `now() - states(...) | as_datetime` is negative then, a
# graph has a point to come, and what happens within those two seconds is dated later still, behind all others.
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
from homeassistant.util import dt as dt_util


class Failed(EventEntity):
    _attr_event_types = ["failed"]
    _attr_name = "film"
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
    film = Failed()
    await EntityComponent(logging.getLogger(), "event", hass).async_add_entities([film])

    def happens(times):
        seen = set()
        for _ in range(times):
            film._trigger_event("failed")
            film.async_write_ha_state()
            seen.add(hass.states.get("event.film").state)
        ahead = (dt_util.parse_datetime(hass.states.get("event.film").state) - dt_util.utcnow()).total_seconds()
        print(times, "events:", len(seen), "states, the last one", round(ahead, 2), "s ahead of the clock")
        return len(seen), ahead

    states, ahead = happens(1)
    assert states == 1 and ahead <= 0
    states, ahead = happens(5_000)
    assert states == 5_000 and ahead > 1
    assert happens(1)[1] > 1
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
