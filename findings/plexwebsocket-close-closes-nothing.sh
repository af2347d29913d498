#!/usr/bin/env bash
# `PlexWebsocket.close` leaves the connection open until Plex says something, and the object is of no use after it.
#
# Guess: `close()` closes the websocket, and `listen()` returns. To listen again, after a reload or a pause, `listen()` is
# called again.
# Seen (plexwebsocket 0.1.0, and 0.0.14, which homeassistant 2026.10.4 pins): `close()` sets a flag that is looked at when
# the next message comes. A quiet server keeps its connection, and `listen()` its task, for as long as it is quiet. When
# it does end, another `listen()` returns at once, without a connection and without an error. Cancel the task, and make a
# new object.
#
# Needs Python 3.11 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
cat >"$folder/see.py" <<'PY'
import asyncio
import importlib.metadata
import json
import logging

import aiohttp
from aiohttp import web
from plexwebsocket import PlexWebsocket

NOTICE = json.dumps({"NotificationContainer": {"type": "timeline", "size": 0}})
logging.disable(logging.CRITICAL)
sockets = []


class Server:
    """What plexwebsocket wants of a PlexServer."""

    def __init__(self, address):
        self.address = address

    def url(self, path, includeToken=False):
        return self.address + path


async def notifications(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    sockets.append(socket)
    async for _ in socket:
        pass
    return socket


async def serve():
    app = web.Application()
    app.router.add_get("/:/websockets/notifications", notifications)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, Server("http://127.0.0.1:{}".format(runner.addresses[0][1]))


async def main():
    runner, plex = await serve()
    async with aiohttp.ClientSession() as session:
        listener = PlexWebsocket(plex, lambda *event: None, subscriptions=["timeline"], session=session)
        task = asyncio.create_task(listener.listen())
        while listener.state != "connected":
            await asyncio.sleep(0.05)
        listener.close()
        await asyncio.sleep(1)
        quiet = task.done(), sockets[0].closed
        print("1 s after close() - listen() has ended, the server sees an end:", quiet)
        await sockets[0].send_str(NOTICE)
        await asyncio.sleep(0.5)
        spoken = task.done(), sockets[0].closed
        print("after the next message:", spoken)
        await asyncio.wait_for(listener.listen(), 5)
        print("listen() again returns; connections in all:", len(sockets))
    await runner.cleanup()
    assert (quiet, spoken, len(sockets)) == ((False, False), (True, True), 1)


print("plexwebsocket", importlib.metadata.version("plexwebsocket"))
asyncio.run(main())
PY
see() { # version
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "plexwebsocket==$1" aiohttp==3.14.5
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "plexwebsocket==$1" aiohttp==3.14.5
  fi
  "$venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
}
see 0.0.14
see 0.1.0
