#!/usr/bin/env bash
# In a block of a script a condition that fails ends the block, and a wait that runs out ends the whole script.
#
# Guess: Both say "go no further", so both end the same: at top level the script, within `if`, `repeat`, `choose` or
# `sequence` the block.
# Seen (homeassistant 2026.10.4 and 2026.11.0): at top level they do. In a block a false condition leaves the block, and
# what comes after it is done; of a `repeat` it ends this turn, and the next one begins. `wait_template` and
# `wait_for_trigger` with `continue_on_timeout: false` end everything: the film whose poster did not come takes all
# films after it, and the step that tells of it. With the default they go on, and `wait.completed` can be asked by a
# condition.
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
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import condition, config_validation as cv, frame, script, translation

logging.disable(logging.CRITICAL)

CONDITION = {"condition": "template", "value_template": "{{ false }}"}
WAIT = {"wait_template": "{{ false }}", "timeout": 0.05, "continue_on_timeout": False}
INSIDE = {"action": "films.tell", "data": {"text": "inside"}}
TURN = {"action": "films.tell", "data": {"text": "turn {{ repeat.item }}"}}
AFTER = {"action": "films.tell", "data": {"text": "after"}}


def blocks(step):
    return {
        "top level": [step, AFTER],
        "if": [{"if": "{{ true }}", "then": [step, INSIDE]}, AFTER],
        "choose": [{"choose": [], "default": [step, INSIDE]}, AFTER],
        "sequence": [{"sequence": [step, INSIDE]}, AFTER],
        "repeat": [{"repeat": {"for_each": [1, 2], "sequence": [TURN, step, INSIDE]}}, AFTER],
    }


async def main():
    hass = HomeAssistant(sys.argv[1])
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.set_state(CoreState.running)
    await condition.async_setup(hass)
    told = []

    async def tell(call):
        told.append(call.data["text"])

    hass.services.async_register("films", "tell", tell)

    async def run(step):
        seen = {}
        for name, steps in blocks(step).items():
            told.clear()
            checked = await script.async_validate_actions_config(hass, cv.SCRIPT_SCHEMA(steps))
            await script.Script(hass, checked, "blocks", "test").async_run({}, Context())
            seen[name] = list(told)
        return seen

    after_condition, after_wait = await run(CONDITION), await run(WAIT)
    for name in after_condition:
        print(name, "- a condition:", after_condition[name], "- a wait:", after_wait[name])
    block = dict.fromkeys(("if", "choose", "sequence"), ["after"])
    assert after_condition == {"top level": [], **block, "repeat": ["turn 1", "turn 2", "after"]}
    block = dict.fromkeys(("if", "choose", "sequence"), [])
    assert after_wait == {"top level": [], **block, "repeat": ["turn 1"]}
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
