#!/usr/bin/env bash
# plex-api-client edits an item without sending any of the values, and says that it went well.
#
# Guess: the `args` of `edit_metadata_item` become the query of its PUT, or a name among them that the client does not
# know is refused, since its requests are models that are checked.
# Seen (plex-api-client 0.36.3): the model of `args` has no fields at all, and drops what it is given. `PUT
# /library/metadata/7` goes out without a query, Plex has nothing to object to, and the answer is a 200.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" plex-api-client==0.36.3
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet plex-api-client==0.36.3
fi
cat >"$folder/see.py" <<'PY'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import importlib.metadata
import threading

from plex_api_client import PlexAPI

sent = []


class Plex(BaseHTTPRequestHandler):
    def do_PUT(self):
        sent.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexAPI(token="token", server_url=f"http://127.0.0.1:{server.server_port}")
edit = {"title.value": "New title", "title.locked": 1}
answer = plex.library.edit_metadata_item(request={"ids": ["7"], "args": edit})
print("plex-api-client", importlib.metadata.version("plex-api-client"))
print("asked for", edit)
print("sent:", *sent, "- answer:", answer.status_code)
assert sent == ["PUT /library/metadata/7"]
assert answer.status_code == 200
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
