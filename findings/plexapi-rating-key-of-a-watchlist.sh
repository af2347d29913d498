#!/usr/bin/env bash
# The rating key of an item that plex.tv knows is "not a number" to plexapi, and is not equal to itself.
#
# Guess: `ratingKey` is what Plex says: a number for an item of a server, a text such as "5d0a0b0c0d0e0f000a0b0c01" for
# one of Discover or of a watchlist; or plexapi raises, since it makes an integer of it.
# Seen (plexapi 4.18.3): text that is no integer becomes the float `nan`, here and in each attribute that is read as a
# number. (For such items plexapi itself takes the end of the `guid`.) Two reads of one film give two keys that differ: a
# dict by rating key never finds it again, and a set grows with each read.
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
from urllib.parse import urlsplit

from plexapi.server import PlexServer

KEYS = "5d0a0b0c0d0e0f000a0b0c01", "5d0a0b0c0d0e0f000a0b0c02"
ROWS = "".join(
    f'<Video ratingKey="{key}" key="/library/metadata/{key}" guid="plex://movie/{key}" type="movie" title="T"/>'
    for key in KEYS
)
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/watchlist": f"<MediaContainer>{ROWS}</MediaContainer>",
}


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ANSWERS[urlsplit(self.path).path].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "token")
print("plexapi", importlib.metadata.version("plexapi"))
seen = set()
for _ in range(3):
    films = plex.fetchItems("/watchlist")
    seen.update(film.ratingKey for film in films)
    print([film.ratingKey for film in films], "- keys seen so far:", len(seen))
assert all(type(film.ratingKey) is float and film.ratingKey != film.ratingKey for film in films)
assert len(seen) == 6
assert [film.guid.rsplit("/", 1)[-1] for film in films] == list(KEYS)
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
