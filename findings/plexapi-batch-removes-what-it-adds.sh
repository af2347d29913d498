#!/usr/bin/env bash
# A batch of plexapi's that adds one genre and removes another names the removed one twice: as a member and as gone.
#
# Guess: `batchEdits()`, `addGenre("New")`, `removeGenre("Old")`, `saveEdits()` on an item with the genre "Old" sends the
# list as it shall be, without "Old", or at least only the one to add and the one to remove.
# Seen (plexapi 4.18.2): the one PUT lists "Old" at an index, since adding repeats all members that were read, and in
# `genre[].tag.tag-` as well. Which of the two wins is the server's choice. Without a batch there are two PUTs, and the
# second one, the removal, is unambiguous.
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
from urllib.parse import parse_qsl, unquote, urlsplit

from plexapi.server import PlexServer

ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
    "/library/metadata/7": '<MediaContainer librarySectionID="1"><Video ratingKey="7" type="movie" title="T"'
    ' key="/library/metadata/7"><Genre tag="Old"/></Video></MediaContainer>',
}
edits = []


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ANSWERS.get(urlsplit(self.path).path, "<MediaContainer/>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        edits.append(dict(parse_qsl(urlsplit(self.path).query)))
        self.do_GET()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
item = PlexServer(f"http://127.0.0.1:{server.server_port}", "token").fetchItem(7)
item.batchEdits()
item.addGenre("New")
item.removeGenre("Old")
item.saveEdits()
print("plexapi", importlib.metadata.version("plexapi"))
for edit in edits:
    print("PUT", {name: unquote(value) for name, value in edit.items() if name.startswith("genre")})
(edit,) = edits
assert edit["genre[0].tag.tag"] == "Old"
assert edit["genre[1].tag.tag"] == "New"
assert edit["genre[].tag.tag-"] == "Old"
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
