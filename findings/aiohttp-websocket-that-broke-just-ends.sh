#!/usr/bin/env bash
# To `async for message in websocket` of aiohttp, a server that vanished is a server that said goodbye.
#
# Guess: The loop ends when the server closes the websocket. If the connection breaks instead, it raises, or gives a
# message of the type ERROR, for which the examples in aiohttp's documentation look.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): the loop ends in both cases, with no message and no
# exception, also when the server is killed. ERROR comes for a missing answer to a ping, and for a message above 4 MiB,
# which ends the connection. What tells them apart is `websocket.close_code`, 1000 or 1006. Whoever connects anew only
# after an exception or an ERROR listens to nothing after a restart of Plex.
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
import logging

import aiohttp
from aiohttp import WSMsgType, web

logging.disable(logging.CRITICAL)


async def notifications(request):
    websocket = web.WebSocketResponse(autoping=request.query["end"] != "silent")
    await websocket.prepare(request)
    await websocket.send_str("a notice")
    match request.query["end"]:
        case "closed":
            await websocket.close()
        case "broken":
            request.transport.abort()
        case "silent":
            await asyncio.sleep(2)
        case "large":
            await websocket.send_bytes(bytes(5 * 2**20))
    return websocket


async def main():
    app = web.Application()
    app.router.add_get("/", notifications)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = "http://127.0.0.1:{}/".format(runner.addresses[0][1])
    seen = {}
    async with aiohttp.ClientSession() as session:
        for end in ("closed", "broken", "silent", "large"):
            async with session.ws_connect(f"{address}?end={end}", heartbeat=0.5) as websocket:
                kinds = [message.type async for message in websocket]
            seen[end] = kinds, websocket.close_code
            print(end, "- messages:", *(kind.name for kind in kinds), "- close code:", websocket.close_code)
    await runner.cleanup()
    assert seen == {
        "closed": ([WSMsgType.TEXT], 1000),
        "broken": ([WSMsgType.TEXT], 1006),
        "silent": ([WSMsgType.TEXT, WSMsgType.ERROR], 1006),
        "large": ([WSMsgType.TEXT, WSMsgType.ERROR], 1009),
    }


print("aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
