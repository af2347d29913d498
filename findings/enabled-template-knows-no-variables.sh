#!/usr/bin/env bash
# A step that is off in a dry run by `enabled: "{{ not dry_run }}"` runs in each dry run up to 2026.10; from 2026.11 on
# it is off.
#
# Guess: the `enabled` of a step sees the variables of the script, as each other template of it does; or a template that
# uses one is refused when the script is loaded.
# Seen: homeassistant 2026.10.4 renders it without any variable. `dry_run` is not defined, which is false, so "not
# dry_run" is true, always: the step that writes runs although the script was told not to write. `enabled: "{{ go }}"`
# is never on. A warning in the log says that a variable is undefined, and the run goes well. 2026.11.0 gives it the
# variables. A condition before the step works on both.
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

from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import config_validation as cv, frame, script

logging.disable(logging.CRITICAL)


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    written = []

    async def write(call):
        written.append(call)

    hass.services.async_register("films", "write", write)

    async def writes(enabled, **variables):
        written.clear()
        steps = cv.SCRIPT_SCHEMA([{"action": "films.write", "enabled": enabled}])
        checked = await script.async_validate_actions_config(hass, steps)
        await script.Script(hass, checked, "films", "test").async_run(variables, Context())
        print(f"enabled: {enabled!r} with {variables}:", "writes" if written else "does not write")
        return bool(written)

    old = importlib.metadata.version("homeassistant") == "2026.10.4"
    assert await writes("{{ not dry_run }}", dry_run=False)
    assert await writes("{{ not dry_run }}", dry_run=True) == old
    assert await writes("{{ go }}", go=True) != old
    assert not await writes("{{ go }}", go=False)
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
