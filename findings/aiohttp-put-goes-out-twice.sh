#!/usr/bin/env bash
# One `put` of aiohttp's client may be two requests: it repeats PUT and DELETE when a kept connection breaks.
#
# Guess: a server that closes the connection instead of answering makes `session.put` raise ServerDisconnectedError, and
# whether to try again is the caller's business.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): on a connection that was used before, aiohttp sends GET, PUT
# and DELETE once more by itself, also if the server has read all of the first one. Only POST raises. The caller sees one
# answer, and counts one try. A PUT that adds something, as the one by which plexapi adds to a playlist, may have added it
# twice, and a limit of requests is no limit. A middleware that raises an error of its own for a broken one ends that.
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
import contextlib
import importlib.metadata

import aiohttp

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
arrived = []


class BrokenOffError(Exception):
    pass


async def serve(reader, writer):
    """Answer the first request of a connection, read the second one, and hang up."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        for is_first in (True, False):
            head = await reader.readuntil(b"\r\n\r\n")
            arrived.append(head.split()[0].decode())
            if is_first:
                writer.write(GOOD)
    writer.close()


async def once(request, handler):
    try:
        return await handler(request)
    except aiohttp.ClientError as error:
        raise BrokenOffError from error


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = "http://127.0.0.1:{}/playlists/1/items".format(server.sockets[0].getsockname()[1])

    async def arrivals(method, *middlewares):
        async with aiohttp.ClientSession(middlewares=middlewares) as session:
            async with session.get(address):
                pass
            arrived.clear()
            try:
                async with session.request(method, address) as answer:
                    end = answer.status
            except (aiohttp.ServerDisconnectedError, BrokenOffError) as error:
                end = type(error).__name__
        print(method, "arrives as", arrived, "and ends with", end)
        return arrived.count(method), end

    assert await arrivals("GET") == (2, 200)
    assert await arrivals("PUT") == (2, 200)
    assert await arrivals("DELETE") == (2, 200)
    assert await arrivals("POST") == (1, "ServerDisconnectedError")
    assert await arrivals("PUT", once) == (1, "BrokenOffError")


print("aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
