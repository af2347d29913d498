#!/usr/bin/env bash
# plexapi cannot take the second copy of a film out of a playlist: it takes out the first one, twice if it is told twice.
#
# Guess: items of a playlist know their own place (`playlistItemID`), so `removeItems(items[2])` removes the third row,
# and `removeItems` with both rows of one film removes both.
# Seen (plexapi 4.18.3): each row is looked up anew by its rating key, and the first one that has it is meant. The third
# row stays and the first one goes; with both, the same DELETE is sent twice. `moveItem` moves the wrong copy, too.
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
    f'<Video ratingKey="{key}" key="/library/metadata/{key}" type="movie" title="Film {key}" playlistItemID="{row}"/>'
    for key, row in ((7, 70), (8, 80), (7, 71))
)
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/playlists/5": '<MediaContainer><Playlist ratingKey="5" key="/playlists/5/items" type="playlist"'
    ' playlistType="video" title="Evenings" smart="0" leafCount="3"/></MediaContainer>',
    "/playlists/5/items": f'<MediaContainer size="3" totalSize="3" offset="0">{ROWS}</MediaContainer>',
}
sent = []


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.command != "GET":
            sent.append(f"{self.command} {self.path}")
        body = ANSWERS.get(urlsplit(self.path).path, "<MediaContainer/>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_DELETE = do_GET

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "token")


def playlist():
    found = plex.fetchItem("/playlists/5")
    return found, found.items()


print("plexapi", importlib.metadata.version("plexapi"))
print("rows:", [(item.title, item.playlistItemID) for item in playlist()[1]])
evenings, items = playlist()
evenings.removeItems(items[2])
evenings, items = playlist()
evenings.removeItems([items[0], items[2]])
evenings, items = playlist()
evenings.moveItem(items[2])
print("the third one removed, the first and the third one removed, the third one moved to the front:")
for request in sent:
    print(" ", request)
assert sent == ["DELETE /playlists/5/items/70"] * 3 + ["PUT /playlists/5/items/70/move"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
