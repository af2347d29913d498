#!/usr/bin/env bash
# The mean in the statistics of a sensor counts the time it was not available, with the last value from before.
#
# Guess: the mean is over the time in which there was a value. 100 for a minute, unavailable for three, then 0 for a minute
# is 50.
# Seen (homeassistant 2026.10.4 and 2026.11.0): states that are no numbers are left out, and the value before them lasts
# until the next: the mean is 80, as of four minutes at 100. With nothing after it, it is 100 to the end of the period. A
# rate that goes unavailable during an outage has a mean as if all had been well until the outage was over.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
packages=(SQLAlchemy==2.0.54 fnv-hash-fast==2.0.3 psutil-home-assistant==0.0.1)
cat >"$folder/see.py" <<'PY'
import asyncio
from datetime import timedelta
import importlib.metadata
import logging
import sys

from homeassistant import loader
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.components.recorder.tasks import StatisticsTask
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity,
    entity_registry as er,
    frame,
    issue_registry as ir,
    recorder,
    translation,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

ATTRIBUTES = {"state_class": "measurement", "unit_of_measurement": "%"}
STATES = {  # the minute at which each one begins
    "sensor.came_back": {0: "100", 1: "unavailable", 4: "0"},
    "sensor.stayed_away": {0: "100", 1: "unavailable"},
}


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
    await ir.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    recorder.async_initialize_recorder(hass)
    options = {"db_url": f"sqlite:///{sys.argv[1]}/see.db", "commit_interval": 0}
    assert await async_setup_component(hass, "recorder", {"recorder": options})
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    instance = recorder.get_instance(hass)
    await instance.async_recorder_ready.wait()
    assert await async_setup_component(hass, "sensor", {})
    now = dt_util.utcnow()
    start = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0) + timedelta(minutes=5)
    for entity_id, states in STATES.items():
        for minute, state in states.items():
            when = start + timedelta(minutes=minute)
            hass.states.async_set(entity_id, state, ATTRIBUTES, timestamp=when.timestamp())
    await hass.async_block_till_done()
    await hass.async_add_executor_job(instance.block_till_done)
    instance.queue_task(StatisticsTask(start, fire_events=False))
    await hass.async_add_executor_job(instance.block_till_done)
    rows = await instance.async_add_executor_job(
        statistics_during_period, hass, start, None, set(STATES), "5minute", None, {"mean"}
    )
    means = {entity_id: row[0]["mean"] for entity_id, row in rows.items()}
    for entity_id, states in STATES.items():
        print(f"{entity_id}, by minute {states}: mean {means[entity_id]}")
    await hass.async_stop(force=True)
    assert means == {"sensor.came_back": 80.0, "sensor.stayed_away": 100.0}


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
see() { # version
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1" "${packages[@]}"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1" "${packages[@]}"
  fi
  mkdir "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
