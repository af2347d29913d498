#!/usr/bin/env bash
# A stream that plexapi gave cannot be selected once the variable with its film is gone.
#
# Guess: `plex.fetchItem(7).audioStreams()[1].setSelected()` selects the second audio stream of the film, as the same
# does with `film = plex.fetchItem(7)` before it. A stream knows its part by its number.
# Seen (plexapi 4.18.3): the stream has a weak reference to the object of its part, which goes away with the film:
# "'NoneType' object has no attribute 'setSelectedAudioStream'". So a function that picks a stream and returns it gives
# something that works while somebody else keeps the film. With the hub of a collection it is worse:
# `collection.visibility().promoteHome()` on a collection that nobody keeps tells the server, and raises after that.
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

STREAMS = '<Stream id="8" streamType="1"/><Stream id="9" streamType="2"/><Stream id="10" streamType="2"/>'
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library/metadata/7": '<MediaContainer><Video ratingKey="7" type="movie" title="T" key="/library/metadata/7">'
    f'<Media id="1"><Part id="5" key="/p">{STREAMS}</Part></Media></Video></MediaContainer>',
    "/library/collections/9": '<MediaContainer><Directory key="/library/collections/9/children" ratingKey="9"'
    ' type="collection" subtype="movie" smart="0" title="C" librarySectionID="1"/></MediaContainer>',
    "/hubs/sections/1/manage": '<MediaContainer><Hub identifier="custom.collection.1.9" title="C"/></MediaContainer>',
}
told = []


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        path = urlsplit(self.path).path
        if self.command == "PUT":
            told.append(self.path)
        body = ANSWERS.get(path, "<MediaContainer/>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = answer

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "token")
print("plexapi", importlib.metadata.version("plexapi"))


def outcome(call):
    told.clear()
    try:
        call()
        result = "done"
    except AttributeError as error:
        result = f"AttributeError: {error}"
    print(" ", result, "- the server was told:", told)
    return result == "done", len(told)


print("select a stream of a film in a variable, and of one in none:")
film = plex.fetchItem(7)
assert outcome(lambda: film.audioStreams()[1].setSelected()) == (True, 1)
assert outcome(lambda: plex.fetchItem(7).audioStreams()[1].setSelected()) == (False, 0)
print("promote a collection in a variable, and one in none:")
collection = plex.fetchItem("/library/collections/9")
assert outcome(lambda: collection.visibility().promoteHome()) == (True, 1)
assert outcome(lambda: plex.fetchItem("/library/collections/9").visibility().promoteHome()) == (False, 1)
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
