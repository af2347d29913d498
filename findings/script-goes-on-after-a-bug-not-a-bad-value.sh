#!/usr/bin/env bash
# `continue_on_error` goes on after a bug in an action, and ends the script for a value that the action does not take.
#
# Guess: a step with `continue_on_error` that calls an action is one that may fail: what it raises is logged, and the next
# film's turn comes.
# Seen (homeassistant 2026.10.4 and 2026.11.0): that holds for a HomeAssistantError, a ServiceValidationError and even for
# a ValueError of the action. What its schema refuses is another matter: a rating of 11, which came out of a template with
# the second of three films, ends the script there, and its caller gets probatio's error. An action that checks values in
# its handler can be looped over; one that leaves them to its schema cannot.
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

from homeassistant.core import Context, CoreState, HomeAssistant, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv, frame, script
import probatio

logging.disable(logging.CRITICAL)
ERRORS = {"home assistant": HomeAssistantError, "validation": ServiceValidationError, "bug": ValueError}
RATED = probatio.Schema({"rating": probatio.All(int, probatio.Range(max=10)), "raises": cv.string})


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    done = []

    async def rate(call):
        if call.data["rating"] == 7:
            raise ERRORS[call.data["raises"]]("no")
        done.append(call.data["rating"])

    hass.services.async_register("films", "rate", rate, schema=RATED)

    async def run(second, raises):
        done.clear()
        call = {
            "action": "films.rate",
            "data": {"rating": "{{ repeat.item }}", "raises": raises},
            "continue_on_error": True,
        }
        turns = cv.SCRIPT_SCHEMA([{"repeat": {"for_each": [1, second, 3], "sequence": [call]}}])
        checked = await script.async_validate_actions_config(hass, turns)
        try:
            await script.Script(hass, checked, "loop", "test").async_run({}, Context())
            end = "its end"
        except probatio.Invalid as error:
            end = str(error)
        print("ratings", [1, second, 3], raises, "- done:", done, "- came to:", end)
        return list(done)

    for raises in ERRORS:
        assert await run(7, raises) == [1, 3]
    assert await run(11, "bug") == [1]
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
