#!/usr/bin/env bash
# A list that stashapi shall hand to a task of a Stash plugin does not arrive, and nothing is said.
#
# Guess: `run_plugin_task(plugin, task, args={"scene_ids": [1, 2]})` hands the list over, as Stash's schema has a kind
# of value for lists and one for objects, or raises.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): it knows text and numbers, and leaves out
# whatever else there is. The task begins without `scene_ids`, which to many a task means all scenes. True and False go
# out as integers, since `bool` is an `int` to Python and that is asked first; Stash's schema has a kind of its own for
# them. Hand a list over as JSON in a text.
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

TYPES = ["Job", "Scene", "Studio"]
asked = []


def answer(query, variables):
    if "StashVersion" in query:
        return {"version": {"version": "v0.30.1", "hash": "", "build_time": ""}}
    if "getApiKey" in query:
        return {"configuration": {"general": {"apiKey": ""}}}
    if "__schema" in query:
        fields = [{"name": "id", "isDeprecated": False, "type": {"kind": "SCALAR"}}]
        return {"__schema": {"types": [{"kind": "OBJECT", "name": name, "fields": fields} for name in TYPES]}}
    asked.append(variables)
    return {"runPluginTask": "17"}


class Stash(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"data": answer(request["query"], request.get("variables"))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Stash)
threading.Thread(target=server.serve_forever, daemon=True).start()
logging.disable(logging.CRITICAL)
stash = StashInterface({"host": "127.0.0.1", "port": server.server_port, "logger": logging.getLogger("stash")})

args = {"scene_ids": [1, 2], "options": {"clear": True}, "none": None, "dry_run": True, "mode": "full", "limit": 3}
stash.run_plugin_task("plugin", "Sync", args)
(sent,) = asked
sent = sent["args"]
print("asked for:", args)
print("sent:", *sent)
assert sent == [
    {"key": "dry_run", "value": {"i": True}},
    {"key": "mode", "value": {"str": "full"}},
    {"key": "limit", "value": {"i": 3}},
]
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
