#!/usr/bin/env bash
# A repair whose integration is not there is "fixed" by a click on Submit, and nothing was done.
#
# Guess: the fix flow of a repair comes from the integration that raised it. Where that is missing, or did not load after
# an update, the flow is refused and the repair stays until somebody can do what it says.
# Seen (homeassistant 2026.10.4): Home Assistant puts an empty form of its own in the place of the flow; submitting it
# ends well and deletes the repair, a persistent one too. And a flow that finds in its last step that the cause is still
# there, and raises the repair again, loses it in the same way: it has to end with an abort.
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
integration=$folder/config/custom_components/fake
mkdir -p "$integration"
cat >"$integration/manifest.json" <<'JSON'
{"domain": "fake", "name": "Fake", "codeowners": [], "documentation": "https://example.com",
 "integration_type": "service", "iot_class": "calculated", "version": "1.0.0"}
JSON
cat >"$integration/__init__.py" <<'PY'
PY
cat >"$integration/repairs.py" <<'PY'
from homeassistant.components.repairs import RepairsFlow
from homeassistant.helpers import issue_registry as ir


class StillThere(RepairsFlow):
    async def async_step_init(self, user_input=None):
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input=None):
        if user_input is None:
            return self.async_show_form(step_id="confirm")
        raise_it(self.hass, "fake", "still there: 2 left")
        return self.async_create_entry(data={})


async def async_create_fix_flow(hass, issue_id, data):
    return StillThere()


def raise_it(hass, domain, text):
    ir.async_create_issue(
        hass,
        domain,
        "broken",
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key="broken",
        translation_placeholders={"text": text},
    )
PY
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import logging
import sys

from homeassistant import loader
from homeassistant.components.repairs import issue_handler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame, issue_registry as ir


async def main() -> None:
    logging.disable()
    hass = HomeAssistant(sys.argv[1])
    loader.async_setup(hass)
    frame.async_setup(hass)
    await ir.async_load(hass)
    hass.data["repairs"] = {}
    issue_handler.async_setup(hass)
    manager = hass.data["repairs"]["flow_manager"]
    integration = await loader.async_get_integration(hass, "fake")
    await integration.async_get_platform("repairs")
    from custom_components.fake.repairs import raise_it

    async def fix(domain):
        raise_it(hass, domain, "broken")
        form = await manager.async_init(domain, context={"issue_id": "broken"}, data=None)
        end = await manager.async_configure(form["flow_id"], {})
        left = ir.async_get(hass).async_get_issue(domain, "broken")
        print(f"{domain}: form {form['step_id']!r}, then {end['type'].value!r}; repair left:", left is not None)
        return end["type"].value, left

    absent = await fix("absent")
    hass.config.components.add("fake")
    again = await fix("fake")
    await hass.async_stop(force=True)
    assert absent == ("create_entry", None)
    assert again == ("create_entry", None)


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
