#!/usr/bin/env bash
# In a loop of a script, a call that failed has the answer of the turn before.
#
# Guess: with `continue_on_error`, the `response_variable` of a call that fails is not set, so a step that asks whether it
# "is defined" finds out. Each turn of a `repeat` begins with the variables from before the loop.
# Seen (homeassistant 2026.10.4 and 2026.11.0): what one turn sets is there in the next. After "ok" for the first film the
# call for the second one fails, and its answer is "ok"; the third film's is its own. A message that is made from it tells
# of a film that was synced and was not. Set the variable to nothing as the first step of each turn.
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
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, frame, script

logging.disable(logging.CRITICAL)

CALL = {
    "action": "films.sync",
    "data": {"film": "{{ repeat.item }}"},
    "response_variable": "answer",
    "continue_on_error": True,
}
TELL = {"action": "films.tell", "data": {"text": "{{ repeat.item }}: {{ answer.of if answer else 'none' }}"}}
FORGET = {"variables": {"answer": None}}


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    told = []

    async def sync(call):
        if call.data["film"] == "B":
            raise HomeAssistantError("Plex is away")
        return {"of": call.data["film"]}

    async def tell(call):
        told.append(call.data["text"])

    hass.services.async_register("films", "sync", sync, supports_response=SupportsResponse.OPTIONAL)
    hass.services.async_register("films", "tell", tell)

    async def run(*steps):
        told.clear()
        turns = cv.SCRIPT_SCHEMA([{"repeat": {"for_each": ["A", "B", "C"], "sequence": list(steps)}}])
        checked = await script.async_validate_actions_config(hass, turns)
        await script.Script(hass, checked, "loop", "test").async_run({}, Context())
        print(*told, sep=", ")
        return list(told)

    assert await run(CALL, TELL) == ["A: A", "B: A", "C: C"]
    assert await run(FORGET, CALL, TELL) == ["A: A", "B: none", "C: C"]
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
