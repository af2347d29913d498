#!/usr/bin/env bash
# A playlist that plexapi makes of films of two servers gets other films than it was given: those with the same number.
#
# Guess: `plex.createPlaylist("P", items=[here, there])` names the server of each film, as `playlist.addItems` does
# since it can take films of several servers; or it raises.
# Seen (plexapi 4.18.3): all numbers go out as numbers of the server that makes the playlist. `addItems` sends
# "server://m1/…/7" and "server://m2/…/8", `createPlaylist` sends "server://m1/…/7,8". The 8 of the first server is
# another film, or none. `createCollection` and `collection.addItems` do the same. Make the playlist with the films of
# its own server, and add the others by `addItems`.
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

from plexapi.server import PlexServer

sent = []


def serve(name):
    class Plex(BaseHTTPRequestHandler):
        def answer(self):
            url = urlsplit(self.path)
            sent.extend(parse_qs(url.query).get("uri", []))
            kind, number = url.path.rsplit("/", 2)[-2:] if url.path.count("/") > 1 else ("", "")
            film = (
                f'<Video ratingKey="{number}" type="movie" title="{number} of {name}" librarySectionID="1"'
                f' key="/library/metadata/{number}"/>'
            )
            body = {
                "/": f'<MediaContainer machineIdentifier="{name}" version="1.43.1"/>',
                "/library": "<MediaContainer/>",
                "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
                "/library/collections": '<MediaContainer><Directory key="/library/collections/9/children" ratingKey="9"'
                ' type="collection" subtype="movie" smart="0" title="C"/></MediaContainer>',
                "/playlists": '<MediaContainer><Playlist key="/playlists/9/items" ratingKey="9" type="playlist"'
                ' playlistType="video" smart="0" title="P"/></MediaContainer>',
            }.get(url.path, f"<MediaContainer>{film if kind == 'metadata' else ''}</MediaContainer>")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return PlexServer(f"http://127.0.0.1:{server.server_port}", "token")


def asked(call, *args, **kwargs):
    sent.clear()
    made = call(*args, **kwargs)
    for uri in sent:
        print(call.__name__, "sends", uri)
    return made, list(sent)


print("plexapi", importlib.metadata.version("plexapi"))
plex = serve("m1")
films = [plex.fetchItem(7), serve("m2").fetchItem(8)]
root = "server://{}/com.plexapp.plugins.library/library/metadata/{}"
playlist, uris = asked(plex.createPlaylist, "P", items=films)
assert uris == [root.format("m1", "7,8")]
assert asked(playlist.addItems, films)[1] == [root.format("m1", "7"), root.format("m2", "8")]
collection, uris = asked(plex.createCollection, "C", section="Films", items=films)
assert uris == [root.format("m1", "7,8")]
assert asked(collection.addItems, films)[1] == [root.format("m1", "7,8")]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
