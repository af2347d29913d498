#!/usr/bin/env bash
# A job of Stash that failed is waited for until the time is over, and then it is the time that was too short.
#
# Guess: `wait_for_job(id)` returns False for a job that ended in another way than the one waited for, as its
# documentation says: FAILED is one of the ways of Stash's schema.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): only FINISHED and CANCELLED are ends to
# it. For a job that failed at once it asks on, for two minutes unless it is told otherwise, and raises "Hit timeout
# waiting for Job to complete". The `error` of the job, which says why, is not looked at. `find_job(id)` has both.
# (Stash has the status since 0.26.)
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
import time

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
    return {"findJob": {"id": variables["input"]["id"], "status": variables["input"]["id"], "progress": None}}


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


def outcome(status):
    asked.clear()
    began = time.monotonic()
    try:
        ended = stash.wait_for_job(status, period=0.1, timeout=1)
    except Exception as error:
        ended = str(error)
    print(status, "-", ended, "- after", round(time.monotonic() - began), "s")
    return ended, len(asked) > 1


assert outcome("FINISHED") == (True, False)
assert outcome("CANCELLED") == (False, False)
assert outcome("FAILED") == ("Hit timeout waiting for Job to complete", True)
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
