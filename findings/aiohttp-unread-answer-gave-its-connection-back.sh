#!/usr/bin/env bash
# An answer that nobody has read yet has given its connection back, and another request may be on it.
#
# Guess: aiohttp's client keeps a connection for its answer until the body was read, or the answer released or closed.
# Seen (aiohttp 3.14.5, as homeassistant 2026.10.4 pins it): the connection goes back to the pool as soon as the parser
# has met the end of the body, which of a short one is before `session.get` returns. The next request goes out on it
# while the first answer lies unread. Whoever resets "its" connection when a call is given up, or notes when it fell
# silent after reading, does so to another call's.
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

import aiohttp
from aiohttp import web


async def main() -> None:
    peers = []

    async def answer(request: web.Request) -> web.Response:
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text="answer")

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as session:
        first = await session.get(f"{url}/first")
        print("the first is not read yet; its connection:", first.connection)
        second = await session.get(f"{url}/second")
        print("second over the same connection:", peers[0] == peers[1])
        print("then the first:", (await first.text()), "and the second:", (await second.text()))
    await runner.cleanup()


print("aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" | tee "$folder/out"
grep -qF "its connection: None" "$folder/out" || exit 1
grep -qF "over the same connection: True" "$folder/out" || exit 1
