#!/usr/bin/env bash
# plex-api-client's edit of "the items with the id 7" names no item, which to Plex is an edit of the whole library.
#
# Guess: `update_items` with the filter `id=7` sends `id=7`, as the examples in its own documentation have it.
# Seen (plex-api-client 0.36.3): the filter becomes the value of a parameter that is called `filters`. There is no `id` in
# the query, the request has no other place for one, and by the same documentation an edit without it is one of all items.
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
from urllib.parse import parse_qs, urlsplit

from plex_api_client import PlexAPI
from plex_api_client.models import operations

sent = []


class Plex(BaseHTTPRequestHandler):
    def do_PUT(self):
        sent.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexAPI(token="token", server_url=f"http://127.0.0.1:{server.server_port}")
edit = {"section_id": "1", "media_type": "1", "filters": "id=7", "title_value": "New title"}
answer = plex.library.update_items(request=edit)
names = {field.alias or name for name, field in operations.UpdateItemsRequest.model_fields.items()}
print("plex-api-client", importlib.metadata.version("plex-api-client"))
print("asked for", edit)
print("sent: PUT", *sent, "- answer:", answer.status_code)
print("a place for an id:", "id" in names)
query = parse_qs(urlsplit(sent[0]).query)
assert query["filters"] == ["id=7"]
assert query["title.value"] == ["New title"]
assert "id" not in query
assert not names & {"id", "ids"}
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
