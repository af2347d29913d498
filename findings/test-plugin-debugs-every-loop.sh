#!/usr/bin/env bash
# With pytest-homeassistant-custom-component every test runs with asyncio in debug mode, even one that has no Home Assistant.
#
# Guess: debug mode is off unless PYTHONASYNCIODEBUG, -X dev or pytest-asyncio's own option asks for it.
# Seen: pytest-homeassistant-custom-component 0.13.375 has an automatic fixture, enable_event_loop_debug, that switches it
# on for each test; PYTHONASYNCIODEBUG=0 and asyncio_debug = false change nothing. In debug mode asyncio keeps the stack of
# every call and times it: in a suite with much asyncio of its own that was a third of all processor time. A fixture of the
# same name in a conftest takes its place.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14} venv=$folder/venv
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$venv"
  uv pip install --quiet --python "$venv/bin/python" pytest-homeassistant-custom-component==0.13.375
else
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet pytest-homeassistant-custom-component==0.13.375
fi
cd "$folder"
cat >pytest.ini <<'INI'
[pytest]
asyncio_mode = auto
asyncio_debug = false
INI
cat >test_see.py <<'PY'
import asyncio


async def test_see():
    print("debug mode", asyncio.get_running_loop().get_debug())
PY
see() { # what is shown
  PYTHONASYNCIODEBUG=0 "$venv/bin/python" -m pytest -q -s -p no:cacheprovider | tee out
  grep -qF "debug mode $1" out || failed=1
}
failed=0
"$venv/bin/python" -c "import importlib.metadata as m; print('plugin', m.version('pytest-homeassistant-custom-component'))"
see True
cat >conftest.py <<'PY'
import pytest


@pytest.fixture(autouse=True)
def enable_event_loop_debug():
    """Leave it as it is."""
PY
see False
exit "$failed"
