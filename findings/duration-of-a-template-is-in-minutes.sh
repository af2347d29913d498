#!/usr/bin/env bash
# "1:30" is an hour and a half to an action of Home Assistant, and a minute and a half to a template.
#
# Guess: Home Assistant reads a duration in one way: "1:30" is HH:MM, in `delay:` as in `as_timedelta`.
# Seen (homeassistant 2026.10.4 and 2026.11.0): `cv.time_period`, which reads the durations of actions and triggers, makes
# 5400 seconds of it; `dt_util.parse_duration`, by which the filter `as_timedelta` goes, makes 90. To both "1:30:00" is
# 5400. A date has the same trouble: "20261025" is the 25th of October to `cv.datetime`, and the 23rd of August 1970 to
# `as_datetime`, which takes it for seconds. Text that goes through both has to be written out in full.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
from datetime import timedelta
import importlib.metadata
import sys

import asyncio
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.template import Template


async def main():
    hass = HomeAssistant(sys.argv[1])
    seconds = {}
    for text in ("1:30", "1:30:00", "90"):
        action = cv.positive_time_period(text) / timedelta(seconds=1)
        template = Template("{{ (text | as_timedelta).total_seconds() }}", hass).async_render({"text": text})
        print(text, "- action:", action, "template:", template)
        seconds[text] = action, template
    assert seconds == {"1:30": (5400.0, 90.0), "1:30:00": (5400.0, 5400.0), "90": (90.0, 90.0)}
    action = cv.datetime("20261025").date().isoformat()
    template = Template("{{ as_datetime('20261025').date() }}", hass).async_render()
    print("20261025 - action:", action, "template:", template)
    assert (action, template) == ("2026-10-25", "1970-08-23")
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
