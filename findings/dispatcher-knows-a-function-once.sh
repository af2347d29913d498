#!/usr/bin/env bash
# A function that is connected to a signal twice is called once, and the first disconnect is the last.
#
# Guess: each `async_dispatcher_connect` is a subscription of its own, as with `hass.bus.async_listen`: a function that is
# connected twice is called twice, and to connect anew before the old one is disconnected leaves no gap.
# Seen (homeassistant 2026.10.4 and 2026.11.0): the dispatcher keeps functions, no subscriptions. A second connect changes
# nothing; the first disconnect takes the function out, and from then on nobody is called. The second one logs a warning.
# Connect a function of its own (`functools.partial`, a closure) for each subscription.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import asyncio
from functools import partial
import importlib.metadata
import sys

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send

SIGNAL = "a_server_changed"
heard = []


@callback
def hear(*_):
    heard.append(1)


def calls(send):
    heard.clear()
    send()
    return len(heard)


async def main():
    hass = HomeAssistant(sys.argv[1])
    seen = {}
    for name, connect, send in (
        ("bus", partial(hass.bus.async_listen, SIGNAL), partial(hass.bus.async_fire, SIGNAL)),
        ("dispatcher", partial(async_dispatcher_connect, hass, SIGNAL), partial(async_dispatcher_send, hass, SIGNAL)),
    ):
        first, second = connect(hear), connect(hear)
        both = calls(send)
        first()
        seen[name] = both, calls(send)
        print(name, "- calls with two subscriptions, and with the second one alone:", seen[name])
        second()
    assert seen == {"bus": (2, 1), "dispatcher": (1, 0)}
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
