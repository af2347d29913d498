#!/usr/bin/env bash
# Of two labels that plexapi adds one after the other, the second edit does not name the first one.
#
# Guess: `film.addLabel("a")`, then `film.addLabel("b")`, each of them a request of its own: the second edit lists what
# the film has by then, "a" included, as the first one listed what it had.
# Seen (plexapi 4.18.3): an edit leaves the object as it was read, so both edits list the labels of before and one new one.
# On a server that replaces a list by the one that it is sent, "a" is gone without an error. `film.reload()` in between, or
# one call with both labels, keeps it. Nor is a member that is there already left out: it is sent twice.
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
from urllib.parse import parse_qsl, urlsplit

from plexapi.server import PlexServer

labels = ["old"]  # what the film has: a server that replaces lists


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urlsplit(self.path).path
        has = "".join(f'<Label tag="{label}"/>' for label in labels)
        body = {
            "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
            "/library": "<MediaContainer/>",
            "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
            "/library/metadata/7": '<MediaContainer><Video ratingKey="7" type="movie" title="T" librarySectionID="1"'
            f' key="/library/metadata/7">{has}</Video></MediaContainer>',
        }.get(path, "<MediaContainer/>")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        edit = parse_qsl(urlsplit(self.path).query)
        labels[:] = [value for name, value in edit if name.startswith("label[")]
        print("  PUT", labels)
        self.do_GET()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "token")
print("plexapi", importlib.metadata.version("plexapi"))
print("one after the other:")
film = plex.fetchItem(7)
film.addLabel("a")
film.addLabel("b")
assert labels == ["old", "b"]
print("read again in between:")
film = plex.fetchItem(7)
film.addLabel("c")
film.reload()
film.addLabel("d")
assert labels == ["old", "b", "c", "d"]
print("one that is there already:")
plex.fetchItem(7).addLabel("old")
assert labels == ["old", "b", "c", "d", "old"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
