#!/usr/bin/env bash
# A unit of measurement that comes from the translations is the English one for everybody, and to correct it ends statistics.
#
# Guess: `unit_of_measurement` in the translations of a sensor is a text like its name: a German Home Assistant shows the
# one of `de.json`, and a better word in the next release changes nothing but the display.
# Seen (homeassistant 2026.10.4 and 2026.11.0): only `en.json` is read for it, at any language. What it says is the unit of
# the state and of the statistics; with another word the sensor's statistics are not compiled any more, until somebody
# settles "the unit has changed" by hand. A counter without a unit has neither problem.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
packages=(SQLAlchemy==2.0.54 fnv-hash-fast==2.0.3 psutil-home-assistant==0.0.1)
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
mkdir "$integration/translations"
cat >"$integration/translations/de.json" <<'JSON'
{"entity": {"sensor": {"queue": {"name": "Schlange", "unit_of_measurement": "Aufgaben"}}}}
JSON
cat >"$integration/__init__.py" <<'PY'
async def async_setup_entry(hass, entry):
    await hass.config_entries.async_forward_entry_setups(entry, ["sensor"])
    return True


async def async_unload_entry(hass, entry):
    return await hass.config_entries.async_unload_platforms(entry, ["sensor"])
PY
cat >"$integration/sensor.py" <<'PY'
from homeassistant.components.sensor import SensorEntity, SensorStateClass


class Queue(SensorEntity):
    _attr_has_entity_name = True
    _attr_native_value = 5
    _attr_should_poll = False
    _attr_state_class = SensorStateClass.MEASUREMENT
    _attr_translation_key = "queue"
    _attr_unique_id = "queue"


async def async_setup_entry(hass, entry, async_add_entities):
    async_add_entities([Queue()])
PY
cat >"$folder/see.py" <<'PY'
import asyncio
from datetime import timedelta
import importlib.metadata
import logging
import sys
from types import MappingProxyType

from homeassistant import loader
from homeassistant.components.recorder.statistics import (
    statistics_during_period,
    validate_statistics,
)
from homeassistant.components.recorder.tasks import StatisticsTask
from homeassistant.config_entries import ConfigEntries, ConfigEntry
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

LATER = timedelta(minutes=5 * int(sys.argv[2]))


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
    await hass.config.async_update(language="de")
    recorder.async_initialize_recorder(hass)
    options = {"db_url": f"sqlite:///{sys.argv[1]}/see.db", "commit_interval": 0}
    assert await async_setup_component(hass, "recorder", {"recorder": options})
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    instance = recorder.get_instance(hass)
    await instance.async_recorder_ready.wait()
    assert await async_setup_component(hass, "sensor", {})
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
    await hass.async_add_executor_job(instance.block_till_done)
    now = dt_util.utcnow() + LATER
    start = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
    instance.queue_task(StatisticsTask(start, fire_events=False))
    await hass.async_add_executor_job(instance.block_till_done)
    (state,) = hass.states.async_all("sensor")
    rows = await instance.async_add_executor_job(
        statistics_during_period, hass, start - timedelta(hours=1), None, None, "5minute", None, {"mean"}
    )
    wrong = await instance.async_add_executor_job(validate_statistics, hass)
    types = [each.type for each in wrong.get(state.entity_id, ())]
    print("language", hass.config.language, "name", state.name, "unit", state.attributes["unit_of_measurement"])
    print("periods of statistics:", sum(map(len, rows.values())), "wrong:", types)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
failed=0
start() { # Python, folder, the English unit, how many starts before, what is shown
  echo "{\"entity\": {\"sensor\": {\"queue\": {\"name\": \"Queue\", \"unit_of_measurement\": \"$3\"}}}}" \
    >"$2/custom_components/fake/translations/en.json"
  "$1" "$folder/see.py" "$2" "$4" | tee "$folder/out"
  grep -qF "name Schlange unit $3" "$folder/out" && grep -qF "$5" "$folder/out" || failed=1
}
see() { # version
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1" "${packages[@]}"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1" "${packages[@]}"
  fi
  cp -r "$folder/config" "$folder/config-$1"
  start "$venv/bin/python" "$folder/config-$1" jobs 0 "periods of statistics: 1 wrong: []"
  start "$venv/bin/python" "$folder/config-$1" tasks 1 "periods of statistics: 1 wrong: ['units_changed']"
}
see 2026.10.4
see 2026.11.0
exit "$failed"
