#!/usr/bin/env bash
# A playlist of plexapi's that was looked at once does not see what is added to it, also by itself.
#
# Guess: After `playlist.addItems([film])`, `film in playlist` is true, `len(playlist)` is one more, and
# `playlist.moveItem(film)` moves it: each of these asks the server, as they did before anything was added.
# Seen (plexapi 4.18.3): the first look keeps the rows, and none of the methods that change a playlist drops them. The
# film is not "in" it, so a loop of `if film not in playlist: add` adds it each time; `moveItem` and `removeItems` raise
# NotFound for it. A playlist that was never looked at does not have that, so whether it works depends on the lines
# before. `playlist.reload()` forgets the rows; a collection keeps them as well.
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

from plexapi.exceptions import NotFound
from plexapi.server import PlexServer

ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
}
members = [1, 2]


def video(number):
    return (
        f'<Video ratingKey="{number}" key="/library/metadata/{number}" type="movie" title="Film {number}" '
        f'playlistItemID="{100 + number}"/>'
    )


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        url = urlsplit(self.path)
        if self.command == "PUT":
            members.append(int(parse_qs(url.query)["uri"][0].rsplit("/", 1)[1]))
        if url.path.startswith("/library/metadata/"):
            rows = video(int(url.path.rsplit("/", 1)[1]))
        elif url.path == "/playlists/77":
            rows = '<Playlist ratingKey="77" key="/playlists/77/items" type="playlist" playlistType="video" smart="0"/>'
        else:
            rows = "".join(video(number) for number in members)
        body = ANSWERS.get(url.path, f"<MediaContainer>{rows}</MediaContainer>").encode()
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
film = plex.fetchItem(3)


def added(look):
    members[:] = [1, 2]
    playlist = plex.fetchItem("/playlists/77")
    if look:
        len(playlist)
    playlist.addItems([film])
    seen = film in playlist, len(playlist)
    print("looked at before:", look, "- is it in, how many:", seen, "- the server has", members)
    return playlist, seen


assert added(look=False)[1] == (True, 3)
playlist, seen = added(look=True)
assert seen == (False, 2)
if film not in playlist:
    playlist.addItems([film])
print("the server has", members)
assert members == [1, 2, 3, 3]
try:
    playlist.removeItems([film])
    removed = True
except NotFound as error:
    removed = False
    print(error)
assert not removed
playlist.reload()
assert film in playlist
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
