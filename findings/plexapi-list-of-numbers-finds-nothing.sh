#!/usr/bin/env bash
# plexapi's filter by a list of numbers finds nothing: only one number alone is compared as a number.
#
# Guess: `year__in=[1995, 2005]` gives the films of both years, as `year=2005` gives those of one.
# Seen (plexapi 4.18.3): what Plex sends is text. It is made a number if the filter is one, but for a list it stays text,
# and "2005" is in no list of numbers. There is no error, and the answer is empty. `ratingKey__in=[...]` with the keys
# that plexapi itself gives, which are integers, finds none of these items. A list of texts works.
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
assert titles(year__in=[1995, 2005]) == []
assert titles(year__in=["1995", "2005"]) == ["Seen", "New", "Old"]
keys = [film.ratingKey for film in section.fetchItems("/library/sections/1/all")]
assert keys == [1, 2, 3]
assert titles(ratingKey__in=keys) == []
assert titles(ratingKey__in=[str(key) for key in keys]) == ["Seen", "New", "Old"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
