#!/usr/bin/env bash
# A Plex server that is starting or too busy has been sent a "bad request", by plexapi's account.
#
# Guess: BadRequest is for a status 400, the caller's own mistake, as its documentation says. A 503 of a server that is
# starting, a 429 and a 502 of a proxy raise another exception, and one that tells them apart.
# Seen (plexapi 4.18.3): every status but 200, 201, 204, 401 and 404 is BadRequest, the status is in its text only, and
# `Retry-After` is lost. A server that cannot be reached raises an exception of `requests`, which is none of plexapi's.
# `except BadRequest: skip the film` skips every film for as long as the server starts; `except PlexApiException` misses
# the outage.
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

from plexapi.exceptions import BadRequest, PlexApiException
from plexapi.server import PlexServer
import requests

status = [200]


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        body = b'<MediaContainer machineIdentifier="m" version="1.43.1"/>'
        self.send_response(status[0])
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


def raised():
    try:
        plex.fetchItem(7)
    except Exception as error:
        return error


for status[0] in (400, 429, 502, 503):
    error = raised()
    print(status[0], "-", type(error).__name__, "- attributes:", vars(error))
    assert type(error) is BadRequest
    assert vars(error) == {}
server.shutdown()
server.server_close()
error = raised()
print("not reached -", type(error).__name__)
assert isinstance(error, requests.ConnectionError)
assert not isinstance(error, PlexApiException)
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
