#!/usr/bin/env bash
# Asked for one film only, plexapi asks for the library row by row, with a request for each.
#
# Guess: `section.search(maxresults=1, title__exact=...)` is the cheap way to find one film: it asks for at most as much
# as the same search without `maxresults`, and stops at the first match.
# Seen (plexapi 4.18.3): `maxresults` is the size of a page too, though filters with an operator are applied to what
# came. For the 250th of 300 films it sends 250 requests of one row; without `maxresults` it sends 4, of 100 rows each.
# In a library of 20,000 films one look-up may be 20,000 requests. Search without it, and take the first.
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

FILMS = [f'<Video key="/library/metadata/{n}" ratingKey="{n}" type="movie" title="Film {n}"/>' for n in range(1, 301)]
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
}
asked = []


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        path = urlsplit(self.path).path
        if path in ANSWERS:
            body = ANSWERS[path].encode()
        else:
            start, size = (int(self.headers[f"X-Plex-Container-{name}"]) for name in ("Start", "Size"))
            asked.append(size)
            rows = FILMS[start : start + size]
            attributes = f'size="{len(rows)}" totalSize="{len(FILMS)}" offset="{start}"'
            body = f"<MediaContainer {attributes}>{''.join(rows)}</MediaContainer>".encode()
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


def requests(**options):
    asked.clear()
    found = section.search(title__exact="Film 250", **options)
    print(options, "- found:", len(found), "- requests:", len(asked), "- rows in each:", set(asked))
    return len(found), len(asked)


assert requests() == (1, 4)
assert requests(maxresults=1) == (1, 250)
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
