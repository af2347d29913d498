#!/usr/bin/env bash
# A scene that Stash could not read is, to stashapi, one that does not exist.
#
# Guess: an answer with `errors` raises, as one with the status 500 does; `find_scene` gives None only for a scene that is
# not there.
# Seen (stashapi 0.1.5 and stashapp-tools 0.2.59): errors are logged, and raise only if `data` as a whole is null or the
# text says that the database is locked. `findScene` may be null by Stash's schema, so an error in it leaves
# `{"findScene": null}`, and the caller gets the same None as for a deleted scene. Whoever removes elsewhere what is not
# found here removes it for a passing error.
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
    if variables["scene_id"] == 8:
        return {"data": {"findScene": None}}
    return {"data": {"findScene": None}, "errors": [{"message": REASONS[variables["scene_id"]], "path": ["findScene"]}]}


REASONS = {7: "disk I/O error", 9: "database is locked"}


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


def found(number):
    try:
        scene = stash.find_scene(number)
    except Exception as error:
        scene = f"raises {error}"
    print("scene", number, REASONS.get(number, "no such scene"), "- find_scene:", scene)
    return scene


assert found(8) is None
assert found(7) is None
assert found(9).startswith("raises")
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
