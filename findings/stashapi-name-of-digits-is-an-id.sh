#!/usr/bin/env bash
# A performer or a studio whose name is a number is another one to stashapi: the one that has the number as its id.
#
# Guess: `find_studio("1984")` looks for the studio of that name, as `find_tag("1984")` does for a tag; ids are passed as
# integers.
# Seen (stashapi 0.1.5 and stashapp-tools 0.2.59): a text of digits is read as an id for studios and performers, and as a
# name for tags. `update_scene` with `performers: ["50"]` credits whoever has the id 50, without a word. A dict with a
# `name` is read as a name everywhere.
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

TYPES = ["Studio", "Tag", "Performer"]
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
    if "FindStudios" in query:
        return {"data": {"findStudios": {"count": 1, "studios": [{"id": "3", "name": "1984", "aliases": []}]}}}
    if "FindTags" in query:
        return {"data": {"findTags": {"count": 1, "tags": [{"id": "4", "name": "1984", "aliases": []}]}}}
    for kind in ("Studio", "Tag", "Performer"):
        if f"Find{kind}(" in query:
            return {"data": {f"find{kind}": {"id": str(variables["id"])}}}
    return {"data": {"sceneUpdate": {"id": "1"}}}



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


def number(method, what):
    found = getattr(stash, method)(what)["id"]
    print(method, repr(what), "finds the one with the id", found)
    return found


assert number("find_tag", "1984") == "4"
assert number("find_studio", "1984") == "1984"
assert number("find_studio", {"name": "1984"}) == "3"
stash.update_scene({"id": 1, "performers": ["50"]})
print("performers ['50'] are sent as", asked[-1])
assert asked[-1]["input"]["performer_ids"] == ["50"]
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
