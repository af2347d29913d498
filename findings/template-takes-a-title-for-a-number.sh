#!/usr/bin/env bash
# A title that goes through a template by itself may come out as another one; in a mapping that is one template it stays.
#
# Guess: Home Assistant makes a number of a text only where nothing is lost by it: "300" becomes 300, but "1.10" and "+1"
# stay texts, as "007" does, and so does the word "None".
# Seen (homeassistant 2026.10.4): `title: "{{ title }}"` gives 1.1, 1, None and, for "10,000", the pair (10, 0). What asks
# for text then gets "1.1" and "1", and an action to which null means "clear" clears. `fields: "{{ {'title': title} }}"`
# keeps each of them as it was.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" homeassistant==2026.10.4
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet homeassistant==2026.10.4
fi
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import sys

from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.template import Template, render_complex

TITLES = ("300", "007", "1.10", "+1", "None", "10,000")
SEEN = (300, "007", 1.1, 1, None, (10, 0))


async def main() -> None:
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    alone, within = [], []
    for title in TITLES:
        data = {"title": Template("{{ title }}", hass), "fields": Template("{{ {'title': title} }}", hass)}
        rendered = render_complex(data, {"title": title})  # as the data of an action
        alone.append(rendered["title"])
        within.append(rendered["fields"]["title"])
        print(f"{title!r}: by itself {alone[-1]!r}, in a mapping {within[-1]!r}")
    await hass.async_stop(force=True)
    assert [(type(each), each) for each in alone[:5]] == [(type(each), each) for each in SEEN[:5]]
    assert alone[5] == SEEN[5]
    assert tuple(within) == TITLES


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
mkdir "$folder/config"
"$folder/venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
