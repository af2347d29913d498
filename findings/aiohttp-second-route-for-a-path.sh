#!/usr/bin/env bash
# A second handler for a path is an error to aiohttp if it comes next, and is never called, without a word, if it comes
# later.
#
# Guess: `router.add_get("/films", ...)` for a path that has a handler raises, wherever the first one was added; or the
# new one takes its place.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): it compares the path with the one that was added last.
# "Added route will never be executed" is raised for two in a row. With any other path in between both are kept, and the
# first one answers for good. Whoever registers views anew at each set-up of an integration, as after a reload, goes on
# with the old objects and their old data; a test with a single view, and nothing in between, sees it raise.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" aiohttp==3.14.5
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet aiohttp==3.14.5
fi
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata

from aiohttp import ClientSession, web


def handler(name):
    async def answer(request):
        return web.Response(text=name)

    return answer


async def main():
    print("aiohttp", importlib.metadata.version("aiohttp"))
    app = web.Application()
    app.router.add_get("/films", handler("old films"))
    try:
        app.router.add_get("/films", handler("new films"))
    except RuntimeError as error:
        print("two in a row:", error)
    else:
        raise AssertionError("the second one was taken")
    app.router.add_get("/shows", handler("old shows"))
    app.router.add_get("/films", handler("new films"))
    app.router.add_get("/shows", handler("new shows"))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession(f"http://{host}:{port}") as session:
        for path in ("/films", "/shows"):
            async with session.get(path) as answer:
                text = await answer.text()
                print(path, "added again after another one, answers:", text)
                assert text == f"old {path[1:]}"
    await runner.cleanup()


asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
