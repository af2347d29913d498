#!/usr/bin/env bash
# A number is never true as a condition of Home Assistant, not even 1; as an `enabled` or in an `{% if %}` it is.
#
# Guess: `if: "{{ answer.failed }}"` goes the way of `then` when two films failed: what is not 0 is true, as in `{% if
# %}`. At least 1 and "on" are.
# Seen (homeassistant 2026.10.4 and 2026.11.0): a template is true as a condition if it renders to the word "true", in
# upper or lower case, and to nothing else. A number, a list that is not empty and the state "on" go the way of `else`,
# with no warning. `enabled:` takes the same values for yes, and the text "off" as well. Write the comparison:
# `answer.failed > 0`.
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
from homeassistant.helpers.template import Template

logging.disable(logging.CRITICAL)
VALUES = {
    "true": "TTT",
    "'TRUE'": "TTT",
    "1": "-TT",
    "2": "-TT",
    "[7]": "-TT",
    "'on'": "-TT",
    "'off'": "-TT",
    "0": "---",
}


async def main():
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    hass.set_state(CoreState.running)
    told = []

    async def tell(call):
        told.append(call.data["text"])

    hass.services.async_register("films", "tell", tell)

    async def told_by(step):
        told.clear()
        checked = await script.async_validate_actions_config(hass, cv.SCRIPT_SCHEMA([step]))
        await script.Script(hass, checked, "condition", "test").async_run({}, Context())
        return "T" if told == ["yes"] else "-"

    yes = {"action": "films.tell", "data": {"text": "yes"}}
    for value, expected in VALUES.items():
        template = "{{ " + value + " }}"
        condition = await told_by({"if": template, "then": [yes]})
        enabled = await told_by({**yes, "enabled": template})
        within = Template("{% if " + value + " %}T{% else %}-{% endif %}", hass).async_render()
        print(template, "- as a condition:", condition, "as enabled:", enabled, "in an if of Jinja:", within)
        assert condition + enabled + within == expected
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
