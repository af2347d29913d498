#!/usr/bin/env bash
# An error in the callback that plexwebsocket calls ends its connection for good, while a lost connection is tried again.
#
# Guess: what a callback raises is logged, and the next message is handed to it; at worst the connection is made anew, as
# it is when Plex restarts.
# Seen (plexwebsocket 0.1.0, and 0.0.14, which homeassistant 2026.10.4 pins): the state becomes "stopped" with the reason
# "Unknown", and `listen()` returns, and does so at once if it is called again. A surprise in one message, such as a key
# that it lacks, costs all that come after it. Catch everything in the callback.
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
    events = []

    def hear(kind, data, error):
        events.append(error if kind == "plexwebsocket_state" and data == "stopped" else kind)
        if kind == "timeline":
            data["TimelineEntry"]

    async with aiohttp.ClientSession() as session:
        listener = PlexWebsocket(plex, hear, subscriptions=["timeline"], session=session)
        task = asyncio.create_task(listener.listen())
        while listener.state != "connected":
            await asyncio.sleep(0.05)
        await sockets[0].send_str(NOTICE)
        await asyncio.sleep(1)
        print("after a message without the key:", listener.state, "- listen() has ended:", task.done())
        print("told:", events[2:], "- connections in all:", len(sockets))
        assert (listener.state, task.done(), len(sockets)) == ("stopped", True, 1)
        assert events[2:] == ["timeline", "Unknown"]
        await asyncio.wait_for(listener.listen(), 5)
        print("listen() again returns; connections in all:", len(sockets))
        assert len(sockets) == 1
    await runner.cleanup()


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
