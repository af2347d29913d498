#!/usr/bin/env bash
# After a restart the issue registry still finds repairs that nobody has raised again, and to delete one forgets "ignore".
#
# Guess: a repair that is not persistent is gone with the process. `async_get_issue` finds nothing until the integration
# raises it again, and an `async_delete_issue` before that, as "all is well so far", changes nothing.
# Seen (homeassistant 2026.10.4 and 2026.11.0): each repair is saved by its id, and comes back as one that is not active.
# `async_get_issue` gives it, so "is it raised?" has to ask for `active`; `data` is None, so whoever looks for the repairs
# of an entry by their data misses it, and it stays in the file after the entry was removed. What the owner chose to
# ignore is kept in it: a delete at the start, before the cause is known, makes the next raise a visible one.
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

from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame, issue_registry as ir


async def start() -> tuple[HomeAssistant, ir.IssueRegistry]:
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    await ir.async_load(hass)
    return hass, ir.async_get(hass)


def raise_it(hass: HomeAssistant) -> None:
    ir.async_create_issue(
        hass,
        "fake",
        "broken",
        data={"entry_id": "one"},
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="broken",
    )


async def main() -> None:
    hass, registry = await start()
    raise_it(hass)
    registry.async_ignore("fake", "broken", True)
    await hass.async_stop(force=True)

    hass, registry = await start()
    found = registry.async_get_issue("fake", "broken")
    print("after a restart: active", found.active, "data", found.data, "ignored", found.dismissed_version is not None)
    raise_it(hass)
    again = registry.async_get_issue("fake", "broken")
    print("raised again: ignored", again.dismissed_version is not None)
    await hass.async_stop(force=True)

    hass, registry = await start()
    ir.async_delete_issue(hass, "fake", "broken")
    raise_it(hass)
    anew = registry.async_get_issue("fake", "broken")
    print("deleted before it was raised again: ignored", anew.dismissed_version is not None)
    await hass.async_stop(force=True)
    assert (found.active, found.data) == (False, None)
    assert found.dismissed_version and again.dismissed_version and not anew.dismissed_version


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
