#!/usr/bin/env bash
# The second time that stashapi lists scenes page by page with one and the same filter, it gives the last page only.
#
# Guess: `find_scenes(filter=PAGES, callback=...)` with `PAGES = {"per_page": 100}` goes through all pages, each time.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): the number of the page is written into the
# dict that was given, and left there. The next call takes it for the page to begin with: 250 scenes the first time, 50
# from then on, without an error. Whoever takes what is missing for deleted, or keeps such a dict as a constant in a
# process that runs for long, should give a copy.
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
import threading

from stashapi import log
from stashapi.stashapp import StashInterface

SCENES = 250
SCENE = {"kind": "OBJECT", "name": "Scene", "fields": [{"name": "id", "isDeprecated": False, "type": {"kind": "SCALAR"}}]}
pages = []


def answer(query, variables):
    if "StashVersion" in query:
        return {"version": {"version": "v0.30.1", "hash": "", "build_time": ""}}
    if "getApiKey" in query:
        return {"configuration": {"general": {"apiKey": ""}}}
    if "__schema" in query:
        return {"__schema": {"types": [SCENE]}}
    size, page = variables["filter"]["per_page"], variables["filter"]["page"]
    pages.append(page)
    rows = range((page - 1) * size, min(SCENES, page * size))
    return {"findScenes": {"count": SCENES, "scenes": [{"id": str(row)} for row in rows]}}


class Stash(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"data": answer(asked["query"], asked.get("variables"))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Stash)
threading.Thread(target=server.serve_forever, daemon=True).start()
log.sl.setLevel("WARNING")
stash = StashInterface({"host": "127.0.0.1", "port": server.server_port})
PAGES = {"per_page": 100}


def listed():
    pages.clear()
    found = []
    stash.find_scenes(filter=PAGES, callback=found.extend)
    print("pages", pages, "scenes", len(found), "and the filter is now", PAGES)
    return len(found)


assert listed() == 250
assert listed() == 50
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
