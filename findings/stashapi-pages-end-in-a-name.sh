#!/usr/bin/env bash
# All pages that stashapi was to put together are the first one, and a word.
#
# Guess: `paginate_GQL(query, variables)` returns what all pages hold, as its documentation has it; `pages` says how
# many of them at most.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): of the second page it adds the keys of
# the answer, which are one, "findScenes", and the count says how many that makes. Of 250 scenes by 100 that is 101
# members, the last of them a text. All pages were asked for, and thrown away. With a callback each page arrives whole.
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
    first = (variables["filter"]["page"] - 1) * variables["filter"]["per_page"]
    scenes = [{"id": number} for number in range(250)][first : first + variables["filter"]["per_page"]]
    return {"findScenes": {"count": 250, "scenes": scenes}}


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

QUERY = "query($filter: FindFilterType) { findScenes(filter: $filter) { count scenes { id } } }"
found = stash.paginate_GQL(QUERY, {"filter": {"per_page": 100}})["findScenes"]
print("count:", found["count"], "- members:", len(found["scenes"]), "- the last one:", repr(found["scenes"][-1]))
print("pages that were asked for:", [variables["filter"]["page"] for variables in asked])
assert len(asked) == 3
assert found["count"] == len(found["scenes"]) == 101
assert found["scenes"][-1] == "findScenes"
pages = []
stash.paginate_GQL(QUERY, {"filter": {"per_page": 100}}, callback=pages.append)
print("with a callback:", [len(page) for page in pages])
assert [len(page) for page in pages] == [100, 100, 50]
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
