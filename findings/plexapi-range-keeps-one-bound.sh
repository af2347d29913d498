#!/usr/bin/env bash
# Of the two bounds of a range, plexapi's own filters apply the one that is named last.
#
# Guess: `section.search(year__gte=2000, year__lt=2010)` gives the films of one decade: all filters have to hold.
# Seen (plexapi 4.18.3): filters of one attribute share one verdict, which each of them overwrites. This call gives all
# films before 2010; with the bounds in the other order it gives all from 2000 on. Two conditions on the path of a file, or
# on the time of addition, end the same way. Filters of different attributes do add up, so a short try looks right.
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

ROWS = "".join(
    f'<Video ratingKey="{year}" key="/library/metadata/{year}" type="movie" title="Film" year="{year}" viewCount="{seen}"/>'
    for year, seen in ((1995, 1), (2005, 0), (2006, 1), (2015, 1))
)
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
    "/library/sections/1/all": f'<MediaContainer size="4" totalSize="4" offset="0">{ROWS}</MediaContainer>',
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


def years(**filters):
    found = [film.year for film in section.search(**filters)]
    print(filters, "gives", found)
    return found


print("plexapi", importlib.metadata.version("plexapi"))
assert years(year__gte=2000, year__lt=2010) == [1995, 2005, 2006]
assert years(year__lt=2010, year__gte=2000) == [2005, 2006, 2015]
assert years(year__gte=2000, viewCount__gt=0) == [2006, 2015]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
