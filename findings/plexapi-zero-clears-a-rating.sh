#!/usr/bin/env bash
# A rating of 0 that plexapi edits is no rating: the edit is the one that clears the field.
#
# Guess: `film.editUserRating(0)` writes 0, the lowest rating, and `film.editUserRating(None)` clears it.
# Seen (plexapi 4.18.3): both send `userRating.value=` with nothing behind it, and lock the field. The same goes for each
# `editField` with 0, so the index 0 of a season is sent as none. `film.rate(0)` does send 0, and `rate(None)` sends -1. A
# sync that compares afterwards does not find what it wrote.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" plexapi==4.18.3
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet plexapi==4.18.3
fi
cat >"$folder/see.py" <<'PY'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import importlib.metadata
import threading
from urllib.parse import parse_qs, urlsplit

from plexapi.server import PlexServer

ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
    "/library/metadata/7": '<MediaContainer><Video ratingKey="7" key="/library/metadata/7" type="movie" title="T"'
    ' librarySectionID="1" userRating="5.0" rating="5.0"/></MediaContainer>',
}
sent = []


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ANSWERS.get(urlsplit(self.path).path, "<MediaContainer/>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        sent.append(parse_qs(urlsplit(self.path).query, keep_blank_values=True))
        self.do_GET()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
film = PlexServer(f"http://127.0.0.1:{server.server_port}", "token").fetchItem(7)


def edit(method, name, *values):
    getattr(film, method)(*values)
    (value,) = sent.pop()[name]
    print(method, *values, "sends", f"{name}={value}")
    return value


print("plexapi", importlib.metadata.version("plexapi"))
assert edit("editUserRating", "userRating.value", 7.5) == "7.5"
assert edit("editUserRating", "userRating.value", 0) == ""
assert edit("editUserRating", "userRating.value", None) == ""
assert edit("editCriticRating", "rating.value", 0) == ""
assert edit("editField", "index.value", "index", 0) == ""
assert edit("rate", "rating", 0) == "0"
assert edit("rate", "rating", None) == "-1"
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
