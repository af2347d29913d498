#!/usr/bin/env bash
# An entity that is renamed while Home Assistant runs has no last state to restore, up to 2026.10; from 2026.11 on it has.
#
# Guess: a new entity id is only a new name. RestoreEntity gives the entity, which is added again at once, what it last
# showed under its old one.
# Seen: homeassistant 2026.10.4 keeps last states by entity id and gives None. 2026.11.0 keeps them by the id of the
# registry's entry and gives the state. Whoever restores a counter or a setting from the last state begins anew on
# 2026.10 because somebody tidied up names.
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

from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity,
    entity_registry as er,
    restore_state,
)
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.helpers.restore_state import RestoreEntity


class Counter(RestoreEntity):
    _attr_unique_id = "one"
    _attr_name = "before"
    _attr_should_poll = False

    def __init__(self) -> None:
        self.seen = []
        self._attr_state = 7

    async def async_added_to_hass(self) -> None:
        last = await self.async_get_last_state()
        self.seen.append(None if last is None else last.state)


async def main() -> None:
    hass = HomeAssistant(sys.argv[1])
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    await dr.async_load(hass, load_empty=True)
    await er.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    await restore_state.async_load(hass)
    hass.set_state(CoreState.running)
    component = EntityComponent(logging.getLogger(), "sensor", hass)
    counter = Counter()
    await component.async_add_entities([counter])
    registry = er.async_get(hass)
    print("added as", counter.entity_id)
    registry.async_update_entity(counter.entity_id, new_entity_id="sensor.after")
    await hass.async_block_till_done()
    print("renamed to", counter.entity_id, "last states seen:", counter.seen)
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
failed=0
see() { # version, what the entity sees when it is added, and again after it was renamed
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  mkdir "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" | tee "$folder/out"
  grep -qF "last states seen: $2" "$folder/out" || failed=1
}
see 2026.10.4 "[None, None]"
see 2026.11.0 "[None, '7']"
exit "$failed"
