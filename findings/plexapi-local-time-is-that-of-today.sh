#!/usr/bin/env bash
# With plexapi's time zone "local" a film of last winter was added an hour later, once it is summer.
#
# Guess: `setDatetimeTimezone("local")`, or `timezone = local` in its configuration, makes each date an aware one, in
# the zone of the machine: 13:00+01:00 for a film of January in Berlin and 14:00+02:00 for the same hour of July.
# Seen (plexapi 4.18.3): the offset of the moment at which it is set is used for every date. One half of the year is an
# hour off on the clock, which half depends on the day the program was started, and a film of shortly before midnight is
# of the next day. The moments are right, so comparing two dates does not show it; without a zone, and with
# "Europe/Berlin", the clock is right as well.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" plexapi==4.18.3
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet plexapi==4.18.3
fi
cat >"$folder/see.py" <<'PY'
import importlib.metadata
import os
import time

os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"  # Berlin, by its rules
time.tzset()

from plexapi import utils

WINTER, SUMMER = "1768478400", "1784116800"  # 12:00 UTC on 15 January and on 15 July 2026


def shown(zone):
    utils.setDatetimeTimezone(zone)
    dates = [utils.toDatetime(moment) for moment in (WINTER, SUMMER)]
    print(f"{zone!r}:", *dates)
    return [date.strftime("%H:%M") for date in dates]


print("plexapi", importlib.metadata.version("plexapi"))
assert shown(None) == ["13:00", "14:00"]
local = shown("local")
assert local[0] == local[1]  # 13:00 both in winter, 14:00 both in summer
assert local == [["13:00", "13:00"], ["14:00", "14:00"]][time.localtime().tm_isdst]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
