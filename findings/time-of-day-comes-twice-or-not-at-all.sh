#!/usr/bin/env bash
# A time of day of Home Assistant comes not at all in one night of the year, and twice in another.
#
# Guess: a daily time that local clocks skip when they are put forward comes as soon as they show a later one, and
# one that they show twice comes the first time.
# Seen (homeassistant 2026.10.4): `find_next_time_expression_time`, by which `async_track_time_change` and the time
# trigger go, gives for 02:30 in Berlin no moment on 29 March 2026 at all, but one on the 30th; on 25 October it gives
# two, an hour apart. Whatever has to happen once in each night needs a moment that is computed anew.
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
from datetime import UTC, datetime, timedelta
import importlib.metadata
from zoneinfo import ZoneInfo

from homeassistant.util.dt import find_next_time_expression_time

ZONE = ZoneInfo("Europe/Berlin")


def next_three(now: datetime) -> list[str]:
    found = []
    for _ in range(3):
        now = find_next_time_expression_time(now, [0], [30], [2])
        found.append(now.isoformat())
        now = (now.astimezone(UTC) + timedelta(seconds=1)).astimezone(ZONE)
    return found


print("homeassistant", importlib.metadata.version("homeassistant"))
spring = next_three(datetime(2026, 3, 28, 12, tzinfo=ZONE))
autumn = next_three(datetime(2026, 10, 24, 12, tzinfo=ZONE))
print("after noon of 28 March:", spring)
print("after noon of 24 October:", autumn)
assert [each[:10] for each in spring] == ["2026-03-30", "2026-03-31", "2026-04-01"]
assert [each[:10] for each in autumn] == ["2026-10-25", "2026-10-25", "2026-10-26"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
