#!/usr/bin/env bash
# A mapping that a template gives to an action is a text as soon as one of its values is a date, or is not defined.
#
# Guess: `fields: "{{ {'title': title, 'date': day} }}"` hands over a mapping. A date in it becomes "2026-10-25", as it
# does where it is the whole template, and a variable that is not there becomes an empty text or null.
# Seen (homeassistant 2026.10.4 and 2026.11.0): the mapping is written out and read again as a literal of Python. A date
# is none, nor is "Undefined", so the action gets one text, "{'title': …}". What asks for a mapping refuses it, but only
# for the films that have such a value; what takes anything keeps the text. Lists do the same. `day | string` and `summary
# | default(none)` in the mapping keep it one.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
from datetime import date
import importlib.metadata
import logging
import sys

from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import config_validation as cv, frame, script

logging.disable(logging.CRITICAL)
DAY = date(2026, 10, 25)


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    told = []

    async def sync(call):
        told.append(call.data["fields"])

    hass.services.async_register("films", "sync", sync)

    async def given(template):
        steps = cv.SCRIPT_SCHEMA([{"action": "films.sync", "data": {"fields": template}}])
        checked = await script.async_validate_actions_config(hass, steps)
        await script.Script(hass, checked, "fields", "test").async_run({"title": "T", "day": DAY}, Context())
        kind = next(kind for kind in (dict, list, str) if isinstance(told[-1], kind))
        print(template, "gives a", kind.__name__ + ":", told[-1])
        return kind, told.pop()

    assert await given("{{ {'title': title} }}") == (dict, {"title": "T"})
    assert await given("{{ day }}") == (str, "2026-10-25")
    kind, text = await given("{{ {'title': title, 'date': day} }}")
    assert kind is str and text.startswith("{'title': 'T', 'date': datetime.date(")
    assert await given("{{ {'title': title, 'summary': summary} }}") == (str, "{'title': 'T', 'summary': Undefined}")
    assert await given("{{ [title, summary] }}") == (str, "['T', Undefined]")
    kept = {"title": "T", "date": "2026-10-25", "summary": None}
    template = "{{ {'title': title, 'date': day | string, 'summary': summary | default(none)} }}"
    assert await given(template) == (dict, kept)
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
