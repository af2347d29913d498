#!/usr/bin/env bash
# While a "reconfigure" dialog of an entry is open, its request for a new sign-in is dropped, and does not come later.
#
# Guess: an entry whose set-up raises ConfigEntryAuthFailed gets a flow for a new sign-in, and the repair that shows it. If
# another dialog of the entry is open at that moment, it begins as soon as that one is closed.
# Seen (homeassistant 2026.10.4 and 2026.11.0): an open flow of the source "reconfigure" counts as one for signing in, so
# `async_start_reauth` does nothing. After the dialog is closed there is neither a flow nor a repair, and an entry in
# SETUP_ERROR is not tried again by itself, nor does a coordinator ask again after such an error. No flow ends by itself: a
# dialog that was left with its tab stays open until a restart. Ask again for as long as the sign-in fails.
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
from pathlib import Path
import sys
from types import MappingProxyType

from homeassistant import loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    frame,
    issue_registry as ir,
    translation,
)

MANIFEST = """
{"domain": "fake", "name": "Fake", "codeowners": [], "config_flow": true, "documentation": "https://example.com",
 "integration_type": "service", "iot_class": "calculated", "version": "1.0.0"}
"""
INIT = """
from homeassistant.exceptions import ConfigEntryAuthFailed

accepted = True

async def async_setup_entry(hass, entry):
    if not accepted:
        raise ConfigEntryAuthFailed
    return True

async def async_unload_entry(hass, entry):
    return True
"""
FLOW = """
from homeassistant.config_entries import ConfigFlow

class FakeFlow(ConfigFlow, domain="fake"):
    async def async_step_reauth(self, data):
        return self.async_show_form(step_id="reauth")

    async def async_step_reconfigure(self, data=None):
        return self.async_show_form(step_id="reconfigure")
"""


async def main() -> None:
    logging.disable()
    folder = Path(sys.argv[1], "custom_components", "fake")
    folder.mkdir(parents=True)
    for name, text in {"manifest.json": MANIFEST, "__init__.py": INIT, "config_flow.py": FLOW}.items():
        (folder / name).write_text(text)
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
    await ir.async_load(hass, load_empty=True)
    entry = ConfigEntry(
        data={},
        discovery_keys=MappingProxyType({}),
        domain="fake",
        minor_version=1,
        options={},
        source="user",
        subentries_data=(),
        title="Fake",
        unique_id=None,
        version=1,
    )
    await hass.config_entries.async_add(entry)

    async def shown(when: str) -> tuple[list[str], int]:
        await hass.async_block_till_done()
        flows = [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()]
        repairs = len(ir.async_get(hass).issues)
        print(f"{when}: {entry.state.name}, flows {flows}, repairs {repairs}")
        return flows, repairs

    dialog = await hass.config_entries.flow.async_init(
        "fake", context={"source": "reconfigure", "entry_id": entry.entry_id}
    )
    import custom_components.fake as fake

    fake.accepted = False
    await hass.config_entries.async_reload(entry.entry_id)
    refused = await shown("refused behind the dialog")
    hass.config_entries.flow.async_abort(dialog["flow_id"])
    closed = await shown("after it was closed")
    entry.async_start_reauth(hass)
    asked = await shown("asked again")
    await hass.async_stop(force=True)
    assert refused == (["reconfigure"], 0)
    assert closed == ([], 0)
    assert asked == (["reauth"], 1)


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
  "$venv/bin/python" "$folder/see.py" "$folder/config-$1" || { echo "changed"; exit 1; }
}
see 2026.10.4
see 2026.11.0
