#!/usr/bin/env bash
# A date among the variables of one gql call is a "lost connection", and a session that reconnects cuts the other calls.
#
# Guess: what cannot be written as JSON raises TypeError, or an error of gql's about the request, in the call that has it.
# Calls that run over the same session at that time go on, since nothing was sent.
# Seen (gql 4.4.0 with aiohttp 3.14.5): it raises TransportConnectionFailed, the class that tells of a server that is
# away, with the TypeError as its cause. `connect_async(reconnecting=True)` believes it and connects anew: a query that
# waits for its answer ends with "Server disconnected". By default such a session also tries again for about 15 s, with
# the same date each time. Whoever counts lost connections to tell that Stash is down counts a bug of his own.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" "gql[aiohttp]==4.4.0" aiohttp==3.14.5
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet "gql[aiohttp]==4.4.0" aiohttp==3.14.5
fi
cat >"$folder/see.py" <<'PY'
import asyncio
from datetime import date
import importlib.metadata
import logging

from aiohttp import web
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport

COUNT = "query Count($filter: SceneFilterType) { findScenes(scene_filter: $filter) { count } }"


def query(variables=None):
    request = gql(COUNT)
    request.variable_values = variables
    return request


async def outcome(call) -> str:
    try:
        return f"answer {await call}"
    except Exception as error:
        return f"{type(error).__name__}: {error} (cause: {type(error.__cause__).__name__})"


async def main() -> None:
    logging.disable()
    asked, may_answer = asyncio.Event(), asyncio.Event()
    requests = 0

    async def stash(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        asked.set()
        await may_answer.wait()
        return web.json_response({"data": {"findScenes": {"count": 3}}})

    app = web.Application()
    app.router.add_post("/graphql", stash)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/graphql"
    client = Client(transport=AIOHTTPTransport(url=url))
    session = await client.connect_async(reconnecting=True, retry_execute=False)
    waiting = asyncio.create_task(outcome(session.execute(query())))
    await asked.wait()
    bad = await outcome(session.execute(query({"filter": {"date": {"value": date(2026, 1, 1)}}})))
    await asyncio.wait({waiting}, timeout=5)  # its answer is not given yet
    may_answer.set()
    other = await waiting
    print("the call with a date:", bad)
    print("the query that waited:", other)
    print("requests that Stash saw:", requests)
    await client.close_async()
    await runner.cleanup()
    assert bad.startswith("TransportConnectionFailed") and "TypeError" in bad
    assert other.startswith("TransportConnectionFailed: Server disconnected")
    assert requests == 1


print("gql", importlib.metadata.version("gql"), "aiohttp", importlib.metadata.version("aiohttp"))
asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
