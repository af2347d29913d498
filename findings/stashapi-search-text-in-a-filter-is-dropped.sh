#!/usr/bin/env bash
# The search text in the filter that stashapi is given is thrown away, and the answer is about all scenes.
#
# Guess: `find_scenes(filter={"q": "solaris", "per_page": 25})` searches: `q` is a part of Stash's filter, beside
# `per_page` and `sort`, which are taken from there.
# Seen (stashapi 0.1.5 and stashapp-tools 0.2.59): `q` is an argument of its own too, and its default, "", is written over
# the one in the filter, also in the caller's dict. The first 25 of all scenes come, without a word. A loop that tags what
# it finds tags the wrong scenes. `find_scenes(q="solaris")` searches.
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

TYPES = ["Scene"]
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
    titles = ["Solaris", "Stalker", "Alien"]
    found = [title for title in titles if variables["filter"]["q"] in title.lower()]
    return {"data": {"findScenes": {"count": len(found), "scenes": [{"id": title} for title in found]}}}



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


def scenes(**arguments):
    print("find_scenes", arguments, end=" ")
    found = [scene["id"] for scene in stash.find_scenes(**arguments)]
    print("gives", found, "- sent:", asked.pop()["filter"])
    return found


mine = {"q": "solaris", "per_page": 25}
assert scenes(q="solaris", filter={"per_page": 25}) == ["Solaris"]
assert scenes(filter=mine) == ["Solaris", "Stalker", "Alien"]
assert mine == {"q": "", "per_page": 25}
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
