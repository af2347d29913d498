#!/usr/bin/env bash
# A request that has no time left has all the time in the world: 0 and less are no timeout to aiohttp.
#
# Guess: `ClientTimeout(total=deadline - now)` gives the last of several requests what is left of one deadline. When that
# is 0 or less it fails at once, as `asyncio.timeout(0)` does.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): a `total` of 0 is "no timeout", and so is each number below
# it. With 0.3 s left the request ends in time; with -0.3 s it waits for as long as the server likes. The slow case, for
# which the deadline was made, has none. (`sock_read` takes 0 for no limit as well, but -0.3 for one that is over.) A
# `timeout_at(deadline)` of asyncio around all of the requests holds.
#
# Needs Python 3.11 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
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

import aiohttp

SLOW = 1.5  # seconds until the server answers


async def serve(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(SLOW)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = "http://127.0.0.1:{}/".format(server.sockets[0].getsockname()[1])

    async def end(**limits):
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(**limits)) as session,
                session.get(address) as answer,
            ):
                seen = answer.status
        except TimeoutError:
            seen = "timeout"
        print(limits, "ends with", seen)
        return seen

    assert await end(total=0.3) == "timeout"
    assert await end(total=0.0) == 200
    assert await end(total=-0.3) == 200
    assert await end(sock_read=0.0) == 200
    assert await end(sock_read=-0.3) == "timeout"
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() - 0.3):
            await end(total=None)
    except TimeoutError:
        print("asyncio.timeout_at ends it at once")
    else:
        raise AssertionError("asyncio waited")


print("aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
