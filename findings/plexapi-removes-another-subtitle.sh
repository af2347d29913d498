#!/usr/bin/env bash
# plexapi deletes another subtitle than the one whose id it is given: the first one that has no title.
#
# Guess: `film.removeSubtitles(streamID=11)` deletes the subtitle with the id 11, or raises if there is none.
# Seen (plexapi 4.18.3): a stream is meant if its id is the given one, or its title is. The title that was not given is
# None, and so is that of each stream that has none. The first of these goes: the English subtitle for the German one.
# plexapi's documentation says that a file beside the film is deleted with it. `removeSubtitles(stream)`, with the stream
# itself, deletes the right one.
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

STREAMS = "".join(
    f'<Stream id="{number}" streamType="3" key="/library/streams/{number}" language="{language}" codec="srt"'
    f' displayTitle="{language} (SRT External)"/>'
    for number, language in ((10, "English"), (11, "German"))
)
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library/metadata/7": '<MediaContainer librarySectionID="1"><Video ratingKey="7" type="movie" title="T"'
    f' key="/library/metadata/7"><Media id="1"><Part id="2" file="/a.mkv">{STREAMS}</Part></Media></Video></MediaContainer>',
}
deleted = []


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ANSWERS.get(urlsplit(self.path).path, "<MediaContainer/>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self):
        deleted.append(self.path)
        self.do_GET()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
film = PlexServer(f"http://127.0.0.1:{server.server_port}", "token").fetchItem(7)
print("plexapi", importlib.metadata.version("plexapi"))
print("subtitles:", [(stream.id, stream.language, stream.title) for stream in film.subtitleStreams()])
film.removeSubtitles(streamID=11)
print("removeSubtitles(streamID=11): DELETE", deleted[-1])
assert deleted == ["/library/streams/10"]
film.removeSubtitles(film.subtitleStreams()[1])
print("removeSubtitles(the stream 11): DELETE", deleted[-1])
assert deleted[-1] == "/library/streams/11"
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
