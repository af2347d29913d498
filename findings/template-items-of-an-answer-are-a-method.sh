#!/usr/bin/env bash
# A list that an action calls `items` is always there in a template, empty or not: `answer.items` is something else.
#
# Guess: `answer.items` is what the action answered under "items", as `answer.jobs` is what it answered under "jobs".
# Seen (homeassistant 2026.10.4 and 2026.11.0): Jinja looks for an attribute of Python's dict first, and that has a method
# `items`. It is true, so `{% if answer.items %}` holds for an empty list too, and in a text it is "<built-in method …>".
# Only a loop or a count raises. `keys`, `values`, `get`, `copy` and `update` go the same way, and `count` and `index` do
# in a list. `answer['items']` is right. Who chooses the keys of an answer, or of an event, does well to avoid these.
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
from homeassistant.helpers import config_validation as cv, frame, script

logging.disable(logging.CRITICAL)


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    told = []

    async def answer(call):
        return {"items": [], "jobs": []}

    async def tell(call):
        told.append(call.data["text"])

    hass.services.async_register("films", "sync", answer, supports_response=SupportsResponse.ONLY)
    hass.services.async_register("films", "tell", tell)

    async def text(template):
        steps = [
            {"action": "films.sync", "response_variable": "answer"},
            {"action": "films.tell", "data": {"text": template}},
        ]
        checked = await script.async_validate_actions_config(hass, cv.SCRIPT_SCHEMA(steps))
        await script.Script(hass, checked, "answer", "test").async_run({}, Context())
        print(template, "gives", told[-1])
        return told.pop()

    assert await text("{{ 'some' if answer.jobs else 'none' }}") == "none"
    assert await text("{{ 'some' if answer.items else 'none' }}") == "some"
    assert await text("{{ 'some' if answer['items'] else 'none' }}") == "none"
    assert (await text("{{ answer.items }}")).startswith("<built-in method items")
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
