#!/usr/bin/env bash
# A query of gql remembers the variables of its last call, and sends them again when it is executed without any.
#
# Guess: in `session.execute(query, variable_values={...})` the variables belong to that call. The query is a document that
# was parsed once; executed again without variables, it asks with none, which for a filter of Stash means all scenes.
# Seen (gql 4.4.0): since `gql()` gives a request, not a document, `execute` stores them in it. The second call asks for
# the organized scenes once more. A module that keeps its queries as constants hands a filter from one caller to the next.
# The way of passing them is deprecated, but the warning is one that Python hides.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" "gql[requests]==4.4.0"
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet "gql[requests]==4.4.0"
fi
cat >"$folder/see.py" <<'PY'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import importlib.metadata
import json
import threading

from gql import Client, gql
from gql.transport.requests import RequestsHTTPTransport

asked = []


class Stash(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))).get("variables"))
        body = b'{"data": {"findScenes": {"count": 3}}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Stash)
threading.Thread(target=server.serve_forever, daemon=True).start()
COUNT = gql("query Count($filter: SceneFilterType) { findScenes(scene_filter: $filter) { count } }")
with Client(transport=RequestsHTTPTransport(url=f"http://127.0.0.1:{server.server_port}/graphql")) as session:
    session.execute(COUNT)
    session.execute(COUNT, variable_values={"filter": {"organized": True}})
    session.execute(COUNT)
print("gql", importlib.metadata.version("gql"))
for which, variables in zip(("without", "with", "without again"), asked, strict=True):
    print(f"executed {which}: the variables sent are", variables)
assert asked == [None, {"filter": {"organized": True}}, {"filter": {"organized": True}}]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
