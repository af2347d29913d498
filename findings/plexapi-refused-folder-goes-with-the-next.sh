#!/usr/bin/env bash
# A call that plexapi refuses changes the folders of a library all the same: with the next call that is not refused.
#
# Guess: `section.removeLocations(["/more", "/typo"])` raises, since the library has no folder "/typo", and that is all.
# An `addLocations("/new")` after it adds a folder to those that are there.
# Seen (plexapi 4.18.3): each folder is taken out of the list that the section keeps before the next one is looked at,
# and the error leaves it so. The `addLocations` sends the list without "/more", and Plex takes that for a folder to
# give up, with all films in it. `addLocations` does the same the other way: what came before the refused folder is
# added later. Call `section.reload()` after an error.
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

from plexapi.exceptions import BadRequest
from plexapi.server import PlexServer

folders = ["/films", "/more"]  # what the library has
PLACES = "".join(f'<Path path="{path}" title="T"/>' for path in ("/films", "/more", "/new", "/other"))


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urlsplit(self.path).path
        has = "".join(f'<Location id="{place}" path="{folder}"/>' for place, folder in enumerate(folders))
        body = {
            "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
            "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films" agent="a">'
            f"{has}</Directory></MediaContainer>",
        }.get(path, "<MediaContainer/>")
        if path.startswith("/services/browse"):  # the folders that the server sees
            body = f"<MediaContainer>{PLACES}</MediaContainer>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        folders[:] = parse_qs(urlsplit(self.path).query)["location"]
        print("  PUT", folders)
        self.do_GET()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("plexapi", importlib.metadata.version("plexapi"))


def library():
    folders[:] = ["/films", "/more"]
    return PlexServer(f"http://127.0.0.1:{server.server_port}", "token").library


def refused(call, places):
    try:
        call(places)
    except BadRequest as error:
        print(call.__name__, places, "raises:", error)
        return True


section = library().section("Films")
assert refused(section.removeLocations, ["/more", "/typo"]) and folders == ["/films", "/more"]
section.addLocations("/new")
assert folders == ["/films", "/new"]
section = library().section("Films")
assert refused(section.addLocations, ["/new", "/typo"]) and folders == ["/films", "/more"]
section.addLocations("/other")
assert folders == ["/films", "/more", "/new", "/other"]
print("with a reload after the error:")
section = library().section("Films")
assert refused(section.removeLocations, ["/more", "/typo"])
section.reload()
section.addLocations("/new")
assert folders == ["/films", "/more", "/new"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
