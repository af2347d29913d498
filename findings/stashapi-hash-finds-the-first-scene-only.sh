#!/usr/bin/env bash
# Of the scenes that share a hash stashapi finds the first one only.
#
# Guess: `find_scenes_by_hash("phash", value)`, which is there to find duplicates, gives all scenes with a file of this
# hash.
# Seen (stashapi 0.1.5 and stashapp-tools 0.2.59): Stash answers with a row for each scene, a list with one id. The first
# row is taken for the list of ids, so of three duplicates one comes, and it looks unique. Ask `sql_query` for the rows.
#
# Needs Python 3.11 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
for package in stashapi==0.1.5 stashapp-tools==0.2.59; do
  venv=$folder/${package%%=*}
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "$package"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "$package"
  fi
done
cat >"$folder/see.py" <<'PY'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import logging
import threading

from stashapi.stashapp import StashInterface

TYPES = ["Scene", "SQLQueryResult"]
asked = []


def answer(query, variables):
    if "StashVersion" in query:
        return {"data": {"version": {"version": "v0.30.1", "hash": "", "build_time": ""}}}
    if "getApiKey" in query:
        return {"data": {"configuration": {"general": {"apiKey": ""}}}}
    if "__schema" in query:
        fields = [{"name": "id", "isDeprecated": False, "type": {"kind": "SCALAR"}}]
        return {"data": {"__schema": {"types": [{"kind": "OBJECT", "name": name, "fields": fields} for name in TYPES]}}}
    asked.append(variables)
    if "querySQL" in query:
        return {"data": {"querySQL": {"columns": ["scene_id"], "rows": [[11], [12], [13]]}}}
    return {"data": {"findScene": {"id": str(variables["scene_id"])}}}



class Stash(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(answer(request["query"], request.get("variables"))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Stash)
threading.Thread(target=server.serve_forever, daemon=True).start()
stash = StashInterface({"host": "127.0.0.1", "port": server.server_port, "logger": logging.getLogger("stash")})
logging.disable(logging.CRITICAL)

rows = stash.sql_query("SELECT scene_id", [])["rows"]
print("the rows are", rows)
found = [scene["id"] for scene in stash.find_scenes_by_hash("phash", "c0ffee")]
ids = stash.find_scenes_by_hash("phash", "c0ffee", ids_only=True)
print("scenes found:", found, "- ids only:", ids)
assert (found, ids) == (["11"], [11])
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
