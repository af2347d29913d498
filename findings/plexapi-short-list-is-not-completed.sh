#!/usr/bin/env bash
# plexapi completes a list of a listed film that is empty, but not one that is short.
#
# Guess: Films of a listing are partial, and plexapi reads the full one when it needs it. `film.genres` is the whole
# list then, or at least the same list whatever was read before.
# Seen (plexapi 4.18.3): the full film is read when an attribute is None or an empty list. Of a listing that names two
# genres of four, as Plex's listings do, those two are taken for all. Reading something that is empty, the tagline for
# example, loads the film, and from then on `genres` has four. So what a script sees of a list depends on which other
# attribute it asked for first. `film.reload()` before reading a list makes it whole.
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

GENRES = ["Drama", "Mystery", "Romance", "Science Fiction"]


def film(genres):
    tags = "".join(f'<Genre tag="{genre}"/>' for genre in genres)
    attributes = 'ratingKey="7" key="/library/metadata/7" type="movie" title="Solaris"'
    return f'<MediaContainer size="1" totalSize="1"><Video {attributes}>{tags}</Video></MediaContainer>'


ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
    "/library/sections/1/all": film(GENRES[:2]),
    "/library/metadata/7": film(GENRES),
}


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        body = ANSWERS[urlsplit(self.path).path].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "token")
print("plexapi", importlib.metadata.version("plexapi"))
section = plex.library.section("Films")


def genres(*before):
    item = section.all()[0]
    for name in before:
        getattr(item, name)
    found = [genre.tag for genre in item.genres]
    print("read before:", before, "- genres:", found)
    return found


assert genres() == GENRES[:2]
assert genres("title") == GENRES[:2]
assert genres("tagline") == GENRES
assert genres("directors") == GENRES
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
