#!/usr/bin/env bash
# A tag whose name differs from another one by a sign empties a scene's list of tags, when stashapi is told to set it.
#
# Guess: `update_scene({"id": 1, "tags": ["18"]})` sets the tag that is named "18"; one that is named "18+" is another tag.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): names are compared without their punctuation,
# also where one is equal as it stands. Both tags match, so none is taken, nothing is said above debug, and the update
# goes out with an empty list of tags, which takes away all that the scene had. `create=True` creates none either. And
# `find_tag("18")`, which takes the first of several, takes one or the other, as the hash seed of the process has it.
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

TAGS = [{"id": "4", "name": "18", "aliases": []}, {"id": "9", "name": "18+", "aliases": []}]
TAG = {"kind": "OBJECT", "name": "Tag", "fields": [{"name": "id", "isDeprecated": False, "type": {"kind": "SCALAR"}}]}
updates = []


def answer(query, variables):
    if "StashVersion" in query:
        return {"version": {"version": "v0.30.1", "hash": "", "build_time": ""}}
    if "getApiKey" in query:
        return {"configuration": {"general": {"apiKey": ""}}}
    if "__schema" in query:
        return {"__schema": {"types": [TAG]}}
    if "findTags" in query:  # as Stash searches: names that contain the text
        found = [tag for tag in TAGS if variables["filter"]["q"].lower() in tag["name"].lower()]
        return {"findTags": {"count": len(found), "tags": found}}
    if "findTag" in query:
        return {"findTag": next(tag for tag in TAGS if tag["id"] == str(variables["id"]))}
    updates.append(variables["input"])
    return {"sceneUpdate": {"id": 1}}


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
log.sl.setLevel("INFO")
stash = StashInterface({"host": "127.0.0.1", "port": server.server_port})
stash.update_scene({"id": 1, "tags": ["18"]}, create=True)
print(f'update {updates[0]}, find_tag("18") gives "{stash.find_tag("18")["name"]}"')
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  for seed in {1..16}; do
    PYTHONHASHSEED=$seed "$folder/$package/bin/python" "$folder/see.py"
  done | sort | uniq -c | tee "$folder/out"
  [ "$(grep -cF "update {'id': 1, 'tag_ids': []}" "$folder/out")" = 2 ] || { echo "changed"; exit 1; }
  grep -qF 'gives "18"' "$folder/out" || { echo "changed"; exit 1; }
  grep -qF 'gives "18+"' "$folder/out" || { echo "changed"; exit 1; }
done
