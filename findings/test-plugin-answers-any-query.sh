#!/usr/bin/env bash
# A test against the mock of Home Assistant's test plugin goes well with requests and answers at which the real client
# fails.
#
# Guess: `aioclient_mock.get("http://plex/library?type=1", status=500)` answers that request and no other, as the client
# of aiohttp would: one with `raise_for_status=True` raises, and a body is gone once its `async with` is over.
# Seen (pytest-homeassistant-custom-component 0.13.375, which takes it from Home Assistant's own tests): a mock answers
# whatever has the same path and at least its query, so "type=1&force=1" is answered by it and a mock without a query
# answers all. `raise_for_status` is ignored. `json()` reads any content type, and `text()` works after the block has
# ended. A client that asks for the wrong thing, or forgets to look at the status, is found by a real server on
# 127.0.0.1 only.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" pytest-homeassistant-custom-component==0.13.375
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet pytest-homeassistant-custom-component==0.13.375
fi
cat >"$folder/see.py" <<'PY'
import importlib.metadata
from pathlib import Path
import subprocess
import sys

TEST = """
from aiohttp import web
import pytest

from homeassistant.helpers.aiohttp_client import async_get_clientsession

QUERY = "/library?type=1&force=1"  # the server and the mock know "type=1"


async def library(request):
    if request.query_string != "type=1":
        return web.Response(status=404)
    return web.Response(status=500, text="{}", content_type="text/plain")


@pytest.fixture(params=["mock", "server"])
async def plex(request, hass, socket_enabled):
    if request.param == "mock":
        mock = request.getfixturevalue("aioclient_mock")
        mock.get("http://plex/library?type=1", status=500, text="{}", headers={"Content-Type": "text/plain"})
        yield async_get_clientsession(hass), "http://plex"
    else:
        app = web.Application()
        app.router.add_get("/library", library)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield async_get_clientsession(hass), f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


async def test_other_query(plex):
    session, url = plex
    async with session.get(url + "/library?type=1&force=1") as answer:
        assert answer.status == 500


async def test_raise_for_status(plex):
    session, url = plex
    async with session.get(url + "/library?type=1", raise_for_status=True):
        pass


async def test_json_of_text(plex):
    session, url = plex
    async with session.get(url + "/library?type=1") as answer:
        assert await answer.json() == {}


async def test_read_too_late(plex):
    session, url = plex
    async with session.get(url + "/library?type=1") as answer:
        pass
    assert await answer.text() == "{}"
"""
folder = Path(__file__).parent / "tests"
folder.mkdir()
(folder / "test_it.py").write_text(TEST)
command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--asyncio-mode=auto", "--rootdir", folder]
run = subprocess.run([*command, folder], capture_output=True, text=True, cwd=folder)
lines = [line.split("::")[1].split() for line in run.stdout.splitlines() if "::" in line and "%]" in line]
print("pytest-homeassistant-custom-component", importlib.metadata.version("pytest-homeassistant-custom-component"))
seen = {}
for name, result, *_ in lines:
    print(name, result)
    seen[name] = result
cases = ("other_query", "raise_for_status", "json_of_text", "read_too_late")
assert {seen[f"test_{case}[mock]"] for case in cases} == {"PASSED"}, run.stdout
assert {seen[f"test_{case}[server]"] for case in cases} == {"FAILED"}, run.stdout
for reason in ("assert 404 == 500", "ClientResponseError", "ContentTypeError", "ClientConnectionError"):
    assert reason in run.stdout, run.stdout
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
