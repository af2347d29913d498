#!/usr/bin/env bash
# The second studio whose parents stashapi is asked for has those of the first one, too.
#
# Guess: `find_studio_hierarchy(studio)` gives the studio and those above it, from the root down, for each studio that
# it is called with.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): all calls of a process collect into one
# list, so each answer holds the studios of the calls before, behind its own. What stands last is taken for the studio
# itself and is the one of the first call. A plugin that runs once per scene never sees it; one that tags a whole
# library with the names of parent studios tags each scene with those of others. Pass `hierarchy=[]`.
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
    studio = STUDIOS[str(variables["id"])]
    return {"findStudio": {"id": studio["id"], "parent_studio": studio["parent"] and {"id": studio["parent"]}}}


STUDIOS = {
    number: {"id": number, "parent": parent} for number, parent in {"1": None, "2": "1", "8": None, "9": "8"}.items()
}


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


def hierarchy(studio, **options):
    print("studio", studio, options, end=" ")
    found = [found["id"] for found in stash.find_studio_hierarchy(studio, **options)]
    print("gives", found)
    return found


assert hierarchy(2) == ["1", "2"]
assert hierarchy(9) == ["8", "9", "1", "2"]
assert hierarchy(9, hierarchy=[]) == ["8", "9"]
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
