#!/usr/bin/env bash
# plexapi's `fetchItems([])` is a request, not an empty answer.
#
# Guess: asked for the items of an empty list of rating keys, plexapi gives an empty list, and asks nothing.
# Seen (plexapi 4.18.2): it asks for `/library/metadata/`, and gives whatever the server answers to that. A script that
# fetches "the items that failed" asks for something else than nothing on its best day.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet plexapi==4.18.2
cat >"$folder/see.py" <<'PY'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import importlib.metadata
import threading
from urllib.parse import urlsplit

from plexapi.server import PlexServer

asked = []


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(urlsplit(self.path).path)
        item = '<Video ratingKey="7" type="movie" title="Whatever" key="/library/metadata/7"/>'
        item = item if asked[-1].startswith("/library/metadata") else ""
        body = f'<MediaContainer machineIdentifier="m" version="1.43.1">{item}</MediaContainer>'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "token")
asked.clear()
items = plex.fetchItems([])
print("plexapi", importlib.metadata.version("plexapi"))
print("asked for", asked, "and gave", [item.title for item in items])
assert asked == ["/library/metadata/"]
assert [item.title for item in items] == ["Whatever"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
