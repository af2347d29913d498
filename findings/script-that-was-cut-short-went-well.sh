#!/usr/bin/env bash
# A script that was cut short, or never began, has gone well for the one who called it.
#
# Guess: A step `action: script.sync` waits until that script is done. If it is started anew by somebody else (`mode:
# restart`), is turned off, or is running already (`mode: single`), the call fails, or waits for the run that does the
# work.
# Seen (homeassistant 2026.10.4 and 2026.11.0): it returns at once, without an error, and with an empty answer if it was
# to give one. The caller goes on to "all films are synced", and the `continue_on_error` or the check of a failure
# beside it has nothing to see. `mode: queued` does wait. Let the script answer something, and check that it is there.
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
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    condition,
    device_registry as dr,
    entity,
    entity_registry as er,
    floor_registry as fr,
    frame,
    issue_registry as ir,
    label_registry as lr,
    translation,
    trigger,
)
from homeassistant.setup import async_setup_component

logging.disable(logging.CRITICAL)

TAKES = 0.6  # seconds
STEPS = [
    {"delay": {"seconds": TAKES}},
    {"variables": {"answer": {"synced": 3}}},
    {"stop": "done", "response_variable": "answer"},
]


async def main():
    hass = HomeAssistant(sys.argv[1])
    hass.config.skip_pip = True
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    await trigger.async_setup(hass)
    await condition.async_setup(hass)
    for registry in (dr, er, ar, cr, fr, ir, lr):
        await registry.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    hass.set_state(CoreState.running)
    config = {mode: {"mode": mode, "sequence": STEPS} for mode in ("single", "restart", "queued")}
    assert await async_setup_component(hass, "script", {"script": config})

    async def call(mode):
        began = hass.loop.time()
        answer = await hass.services.async_call("script", mode, blocking=True, return_response=True)
        return answer, hass.loop.time() - began >= TAKES

    async def meanwhile(mode, what):
        first = asyncio.create_task(call(mode))
        await asyncio.sleep(TAKES / 3)
        second = await what
        seen = await first, second
        print(mode, "- answer of the first call and whether it took its time:", *seen[0], "- second:", second)
        return seen

    done, nothing = ({"synced": 3}, True), ({}, False)
    assert await meanwhile("restart", call("restart")) == (nothing, done)
    assert await meanwhile("single", call("single")) == (done, nothing)
    assert await meanwhile("queued", call("queued")) == (done, done)
    turn_off = hass.services.async_call("script", "turn_off", {"entity_id": "script.single"}, blocking=True)
    assert await meanwhile("single", turn_off) == (nothing, None)
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
