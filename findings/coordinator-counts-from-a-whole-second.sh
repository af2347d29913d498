#!/usr/bin/env bash
# A coordinator counts its waits from the last whole second: one of 1.5 s is one of 1 s, one of 0.5 s is next to none.
#
# Guess: a DataUpdateCoordinator with an `update_interval` of 1.5 s asks each 1.5 s or later, and after
# `UpdateFailed(retry_after=1)` not before a second has gone.
# Seen (homeassistant 2026.10.4): the next update is due at the begun second plus a fraction that is drawn once, plus the
# interval. A fraction of a second in an interval is lost from the second update on: 1.5 s come each 1.0 s. For the same
# reason a wait that a server asked for by `Retry-After: 1` may be over after a small part of a second, which is a second
# too early for whoever counts requests; and with 0.5 s the coordinator asks without any wait until the second is over.
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
from datetime import timedelta
import importlib.metadata
import logging
import sys
import time

from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed


async def follow(hass, seconds, number, fail_at_end_of_second=False):
    asked = []

    async def update() -> None:
        if fail_at_end_of_second and not asked:
            await asyncio.sleep(0.97 - time.monotonic() % 1 + 1)
            asked.append(time.monotonic())
            raise UpdateFailed("429", retry_after=1)
        asked.append(time.monotonic())

    coordinator = DataUpdateCoordinator(
        hass,
        logging.getLogger("fake"),
        name="fake",
        config_entry=None,
        update_interval=timedelta(seconds=seconds),
        update_method=update,
    )
    stop = coordinator.async_add_listener(lambda: None)
    await coordinator.async_refresh()
    while len(asked) < number:
        await asyncio.sleep(0.05)
    stop()
    await coordinator.async_shutdown()
    return [round(later - first, 2) for first, later in zip(asked, asked[1:], strict=False)]


async def main() -> None:
    logging.disable()
    hass = HomeAssistant(sys.argv[1])
    frame.async_setup(hass)
    waits = await follow(hass, 1.5, 7)
    print("an interval of 1.5 s:", waits)
    (wait,) = await follow(hass, 60, 2, fail_at_end_of_second=True)
    print("retry_after=1, at the end of a second:", wait)
    await hass.async_stop(force=True)
    assert all(wait < 1.3 for wait in waits[1:])
    assert wait < 0.9


print("homeassistant", importlib.metadata.version("homeassistant"))
asyncio.run(main())
PY
mkdir "$folder/config"
"$folder/venv/bin/python" "$folder/see.py" "$folder/config" || { echo "changed"; exit 1; }
