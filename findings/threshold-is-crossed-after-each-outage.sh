#!/usr/bin/env bash
# A numeric trigger fires again each time that its sensor comes back from "unavailable", though nothing was crossed.
#
# Guess: `trigger: numeric_state` with `above: 10` fires when a value goes from 10 or less to more. One that was 20
# before an outage and is 20 after it has crossed nothing.
# Seen (homeassistant 2026.10.4 and 2026.11.0): what is no number counts as "not above", so the first number after it
# fires. A message for "more than 10 jobs wait" is sent again after each reload, each restart and each outage that made
# the sensor unavailable, the more of them the worse the connection is. A condition that `trigger.from_state.state` is a
# number keeps it away, and with it a crossing that happened during the outage.
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

from homeassistant import loader
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import condition, config_validation as cv, frame, trigger, translation

logging.disable(logging.CRITICAL)

ABOVE = {"trigger": "numeric_state", "entity_id": "sensor.waiting", "above": 10}


async def main():
    hass = HomeAssistant(sys.argv[1])
    hass.config.skip_pip = True
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.set_state(CoreState.running)
    await condition.async_setup(hass)
    await trigger.async_setup(hass)
    fired = []

    async def fire(variables, context=None):
        change = variables["trigger"]
        fired.append((change["from_state"].state, change["to_state"].state))

    hass.states.async_set("sensor.waiting", "5")
    checked = await trigger.async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([ABOVE]))
    stop = await trigger.async_initialize_triggers(
        hass, checked, fire, "test", "waiting", lambda *args, **options: None
    )
    for state in ("20", "21", "unavailable", "21", "unknown", "22", "23"):
        hass.states.async_set("sensor.waiting", state)
        await hass.async_block_till_done()
    print("fired:", fired)
    assert fired == [("5", "20"), ("unavailable", "21"), ("unknown", "22")]
    stop()
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
