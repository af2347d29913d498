#!/usr/bin/env bash
# The last two changes of an entity, newest first, are the first two, newest first, up to 2026.10; from 2026.11 on the
# last.
#
# Guess: `history.state_changes_during_period(..., descending=True, limit=2)` gives the newest two states of the period,
# as a limit does to a list that is in descending order.
# Seen: homeassistant 2026.10.4 takes two from the old end and turns those around: of six values "2", "1". With a start
# that lies long enough back it looks like "nothing has changed for weeks". 2026.11.0 gives "6", "5". Without a limit
# both agree. For the last ones there is `get_last_state_changes`, which gives them on both.
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
from pathlib import Path
import sys

from homeassistant import loader
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity,
    entity_registry as er,
    frame,
    recorder,
    translation,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

logging.disable(logging.CRITICAL)


async def main():
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
    entity.async_setup(hass)
    recorder.async_initialize_recorder(hass)
    options = {"db_url": f"sqlite:///{Path(sys.argv[1], 'see.db')}", "commit_interval": 0}
    assert await async_setup_component(hass, "recorder", {"recorder": options})
    from homeassistant.components.recorder import history

    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    instance = recorder.get_instance(hass)
    await instance.async_recorder_ready.wait()
    start = dt_util.utcnow()
    for value in "123456":
        hass.states.async_set("sensor.done", value)
        await asyncio.sleep(0.01)
    await hass.async_block_till_done()
    await hass.async_add_executor_job(instance.block_till_done)

    async def values(**options):
        def read():
            return history.state_changes_during_period(hass, start, None, "sensor.done", **options)

        found = [state.state for state in (await instance.async_add_executor_job(read))["sensor.done"]]
        print(options, *found)
        return "".join(found)

    old = importlib.metadata.version("homeassistant") == "2026.10.4"
    assert await values(descending=True) == "654321"
    assert await values(limit=2) == "12"
    assert await values(descending=True, limit=2) == ("21" if old else "65")
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
see() { # version
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1" SQLAlchemy==2.0.54 fnv-hash-fast==2.0.3 psutil-home-assistant==0.0.1
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1" SQLAlchemy==2.0.54 fnv-hash-fast==2.0.3 psutil-home-assistant==0.0.1
  fi
  mkdir "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
