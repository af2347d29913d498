#!/usr/bin/env bash
# An empty body is None to the client of aiohttp that asks for JSON, and no error, while its server refuses the same.
#
# Guess: `await answer.json()` of a 200 with the right content type and nothing in it raises JSONDecodeError.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): it gives None, as for the four letters `null`, and for a body
# of spaces as well. `request.json()` on the server's side raises. An answer that a proxy, or a server that is starting,
# left empty means "no data" then, and not "broken": `(await answer.json() or {}).get("data")` never sees the outage.
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
import json

import aiohttp
from aiohttp import web

BODIES = [b"null", b"", b" \n", b"{"]


async def answer(request):
    try:
        await request.json()
    except json.JSONDecodeError as error:
        print("the server refuses an empty body:", error)
    else:
        raise AssertionError("the server took nothing for JSON")
    return web.Response(body=BODIES[int(request.query["body"])], content_type="application/json")


async def main():
    app = web.Application()
    app.router.add_post("/graphql", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = "http://127.0.0.1:{}/graphql".format(runner.addresses[0][1])
    seen = []
    async with aiohttp.ClientSession() as session:
        for number, body in enumerate(BODIES):
            async with session.post(address, params={"body": number}) as reply:
                try:
                    seen.append(await reply.json())
                except json.JSONDecodeError:
                    seen.append("refused")
            print("the client reads", body, "as", seen[-1])
    await runner.cleanup()
    assert seen == [None, None, None, "refused"]


print("aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
