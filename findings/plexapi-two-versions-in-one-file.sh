#!/usr/bin/env bash
# plexapi downloads both versions of a film into one file, and names it twice.
#
# Guess: `film.download(folder)` of a film with a version in 4K and one in HD saves two files, and gives their two
# paths; so do the two halves of a film that is cut in two.
# Seen (plexapi 4.18.3): each of the friendly names is made of title, year and container, so the second version is
# written over the first, and the answer is a list with the same path twice. Episodes with several versions go the same
# way. What is kept is the last one. `keep_original_name=True` keeps both, if their own names differ.
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
from pathlib import Path
import tempfile
import threading
from urllib.parse import urlsplit

from plexapi.server import PlexServer

FILM = """<MediaContainer><Video ratingKey="7" key="/library/metadata/7" type="movie" title="Solaris" year="1972">
<Media videoResolution="4k"><Part key="/4k" container="mkv" file="/films/Solaris 4K.mkv"/></Media>
<Media videoResolution="1080"><Part key="/hd" container="mkv" file="/films/Solaris HD.mkv"/></Media>
</Video></MediaContainer>"""
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library/metadata/7": FILM,
    "/4k": "the film in 4K",
    "/hd": "the film in HD",
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
film = plex.fetchItem(7)


def saved(**options):
    with tempfile.TemporaryDirectory() as folder:
        paths = film.download(folder, **options)
        kept = {path.name: path.read_text() for path in sorted(Path(folder).iterdir())}
        print(options, "- paths:", [Path(path).name for path in paths], "- files:", kept)
        return len(paths), kept


assert saved() == (2, {"Solaris (1972).mkv": "the film in HD"})
both = {"Solaris 4K.mkv": "the film in 4K", "Solaris HD.mkv": "the film in HD"}
assert saved(keep_original_name=True) == (2, both)
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
