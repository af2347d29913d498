#!/usr/bin/env bash
# A film that was never watched passes all filters of plexapi, if one of them is `viewCount=0`.
#
# Guess: `fetchItems(key, year=2005, viewCount=0)` gives the films of 2005 that nobody has watched.
# `viewCount__exists=False` and `viewCount__lt=1` find films without a count as well.
# Seen (plexapi 4.18.3): Plex gives such a film no `viewCount`. For a filter of 0, None or "" an element that lacks the
# attribute matches at once, and no other filter is looked at: films of all years come. The other two find none of them;
# `exists=False`, which is there to ask for what is missing, never finds anything. Filter by the attributes of the items
# instead.
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

ROWS = """
<Video ratingKey="1" key="/library/metadata/1" type="movie" title="Seen" year="2005" viewCount="2"/>
<Video ratingKey="2" key="/library/metadata/2" type="movie" title="New" year="2005"/>
<Video ratingKey="3" key="/library/metadata/3" type="movie" title="Old" year="1995"/>
"""
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
    "/library/sections/1/all": f'<MediaContainer size="3" totalSize="3" offset="0">{ROWS}</MediaContainer>',
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
section = PlexServer(f"http://127.0.0.1:{server.server_port}", "token").library.section("Films")


def titles(**filters):
    found = [film.title for film in section.fetchItems("/library/sections/1/all", **filters)]
    print(filters, "gives", found)
    return found


print("plexapi", importlib.metadata.version("plexapi"))
assert titles(year=2005) == ["Seen", "New"]
assert titles(viewCount=0) == ["New", "Old"]
assert titles(year=2005, viewCount=0) == ["New", "Old"]
assert titles(viewCount=0, title="Nobody's") == ["New", "Old"]
assert titles(viewCount__exists=True) == ["Seen"]
assert titles(viewCount__exists=False) == []
assert titles(viewCount__lt=1) == []
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
