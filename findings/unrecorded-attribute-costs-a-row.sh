#!/usr/bin/env bash
# An attribute that the recorder leaves out costs a row of the database all the same, each time it changes.
#
# Guess: a change of nothing but an attribute in `_unrecorded_attributes` is no change for the recorder; that is what
# makes it the place for a counter or a progress that changes often.
# Seen (homeassistant 2026.10.4): each such change is a change of state and adds a row to `states`, with the same
# `attributes_id` as before. Only the text of the attributes is spared. What changes each second belongs in no attribute
# at all.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
packages=(homeassistant==2026.10.4 SQLAlchemy==2.0.54 fnv-hash-fast==2.0.3 psutil-home-assistant==0.0.1)
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" "${packages[@]}"
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet "${packages[@]}"
fi
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
from pathlib import Path
import sqlite3
import sys

from homeassistant import loader
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity,
    entity_registry as er,
    frame,
    recorder,
    translation,
)
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.setup import async_setup_component


class Progress(Entity):
    _attr_name = "run"
    _attr_should_poll = False
    _unrecorded_attributes = frozenset({"done"})
    state = "running"
    done = 0

    @property
    def extra_state_attributes(self):
        return {"done": self.done}


async def main() -> None:
    logging.disable()
    hass = HomeAssistant(sys.argv[1])
    hass.config.skip_pip = True
    loader.async_setup(hass)
    frame.async_setup(hass)
    translation.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    await dr.async_load(hass, load_empty=True)
    await er.async_load(hass, load_empty=True)
    entity.async_setup(hass)
    recorder.async_initialize_recorder(hass)
    file = Path(sys.argv[1], "see.db")
    options = {"db_url": f"sqlite:///{file}", "commit_interval": 0}
    assert await async_setup_component(hass, "recorder", {"recorder": options})
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    await recorder.get_instance(hass).async_recorder_ready.wait()
    progress = Progress()
    await EntityComponent(logging.getLogger(), "sensor", hass).async_add_entities([progress])
    for progress.done in range(1, 10):
        progress.async_write_ha_state()
        await hass.async_block_till_done()
    await hass.async_add_executor_job(recorder.get_instance(hass).block_till_done)
    await hass.async_stop(force=True)
    database = sqlite3.connect(file)
    rows, texts = database.execute("SELECT count(*), count(DISTINCT attributes_id) FROM states").fetchone()
    (text,) = database.execute("SELECT shared_attrs FROM state_attributes").fetchone()
    print("after 10 values of the attribute:", rows, "rows,", texts, "text of attributes:", text)
    assert (rows, texts) == (10, 1)
    assert "done" not in text


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
mkdir "$folder/config"
"$folder/venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
