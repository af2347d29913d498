#!/usr/bin/env bash
# plexapi leaves out rows without a word when a server gives smaller pages than it was asked for.
#
# Guess: `section.all(container_size=2000)` goes on after the rows that came, until it has the `totalSize` of them.
# Seen (plexapi 4.18.3): it goes on by what it asked for. Of 3,500 films behind a server, or a proxy before it, that gives
# at most 1,000 rows a page it returns 2,000, each of them once, and raises nothing, although the answers say how many
# rows they hold and how many there are. Whoever takes what is missing for deleted deletes 1,500 films.
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

FILMS, MOST = 3500, 1000
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
}
pages = []


def page(first, size):
    keys = range(first, min(FILMS, first + min(size, MOST)))
    pages.append((first, size, len(keys)))
    rows = (f'<Video ratingKey="{key}" key="/library/metadata/{key}" type="movie" title="{key}"/>' for key in keys)
    return f'<MediaContainer size="{len(keys)}" totalSize="{FILMS}" offset="{first}">{"".join(rows)}</MediaContainer>'


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = ANSWERS.get(urlsplit(self.path).path)
        if answer is None:
            first, size = (self.headers[f"X-Plex-Container-{name}"] for name in ("Start", "Size"))
            answer = page(int(first), int(size))
        body = answer.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
section = PlexServer(f"http://127.0.0.1:{server.server_port}", "token").library.section("Films")
films = section.all(container_size=2000)
print("plexapi", importlib.metadata.version("plexapi"))
for first, size, rows in pages:
    print(f"asked for {size} from {first} on, given {rows}")
print(len(films), "of", FILMS)
assert len(films) == len({film.ratingKey for film in films}) == 2000
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
