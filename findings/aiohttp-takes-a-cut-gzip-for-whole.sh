#!/usr/bin/env bash
# A packed answer that ends before its end is a whole answer, only shorter.
#
# Guess: a body in gzip that breaks off before its last block is an error, as a body shorter than its Content-Length is.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): `read` gives what could be unpacked so far, and no error.
# The length of the head fits what was sent, and nobody asks the unpacker whether it has met the end. Python's gzip module
# raises EOFError for the same bytes. JSON that is cut does not parse; a picture that is cut still looks like one.
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
import gzip
import importlib.metadata

import aiohttp
from aiohttp import web

WHOLE = bytes(number % 251 for number in range(20_000))
CUT = gzip.compress(WHOLE)[:150]


async def main() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=CUT, headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        body = await response.read()
        print("status", response.status, "and the beginning only:", WHOLE.startswith(body) and 0 < len(body) < len(WHOLE))
    await runner.cleanup()


print("aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
try:
    gzip.decompress(CUT)
except EOFError:
    print("gzip.decompress: EOFError")
PY
"$folder/venv/bin/python" "$folder/see.py" | tee "$folder/out"
grep -qF "status 200 and the beginning only: True" "$folder/out" || exit 1
grep -qF "gzip.decompress: EOFError" "$folder/out" || exit 1
