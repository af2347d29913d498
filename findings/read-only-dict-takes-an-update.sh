#!/usr/bin/env bash
# The data of a call and the attributes of a state can be changed by `|=` up to 2026.10; from 2026.11 on that raises.
#
# Guess: `call.data` and `state.attributes` are read-only. `data = call.data; data |= {...}` raises, or makes a new dict,
# as `data = data | {...}` does.
# Seen: on homeassistant 2026.10.4 it changes the dict in its place. A state then has an attribute that no entity
# reported, with no event, until it is written anew; a handler has changed what it was called with. 2026.11.0 raises
# RuntimeError, in a handler that worked before the update. `|` works on both, and gives a plain dict.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import sys

from homeassistant.core import HomeAssistant, callback


async def main():
    hass = HomeAssistant(sys.argv[1])
    events = []
    hass.bus.async_listen("state_changed", callback(lambda event: events.append(event)))

    def change(found):
        events.clear()
        assert type(found | {"more": 1}) is dict
        try:
            found["more"] = 1
        except RuntimeError:
            pass
        else:
            raise AssertionError("not read-only")
        try:
            found |= {"more": 1}
        except RuntimeError as error:
            print(error)

    async def handle(call):
        change(call.data)
        print("the call has", dict(call.data))

    hass.states.async_set("sensor.queue", "3", {"unit": "jobs"})
    change(hass.states.get("sensor.queue").attributes)
    print("the state has", dict(hass.states.get("sensor.queue").attributes), "and", len(events), "events told of it")
    hass.services.async_register("films", "sync", handle)
    await hass.services.async_call("films", "sync", {"film": "A"}, blocking=True)
    await hass.async_stop(force=True)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
failed=0
see() { # version, what the state has, what the call has
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  mkdir "$folder/config-$1"
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" | tee "$folder/out" || failed=1
  for line in "${@:2}"; do grep -qF "$line" "$folder/out" || failed=1; done
}
see 2026.10.4 "the state has {'unit': 'jobs', 'more': 1} and 0 events" "the call has {'film': 'A', 'more': 1}"
see 2026.11.0 "the state has {'unit': 'jobs'} and 0 events" "the call has {'film': 'A'}"
exit "$failed"
