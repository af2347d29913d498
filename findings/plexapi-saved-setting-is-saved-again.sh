#!/usr/bin/env bash
# Each save of plexapi's settings sends what earlier saves sent as well, over what somebody changed meanwhile.
#
# Guess: `settings.save()` sends the changes since the last save, and reads all settings anew, as its documentation has
# it.
# Seen (plexapi 4.18.3): nothing is read: it takes the first setting of the answer for the container of all. So a
# setting keeps its old `value`, and its change stays an open one. A later save of another setting sends both, which
# undoes what the owner set by hand in between. Take `PlexServer` anew for each save.
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
from urllib.parse import parse_qsl, urlsplit

from plexapi.server import PlexServer

ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
}
prefs = {"FriendlyName": "Attic", "customConnections": "http://192.0.2.1"}
sent = []


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        url = urlsplit(self.path)
        if self.command == "PUT":
            sent.append(dict(parse_qsl(url.query, keep_blank_values=True)))
            prefs.update(sent[-1])
        rows = "".join(f'<Setting id="{name}" type="text" value="{value}"/>' for name, value in prefs.items())
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
settings = plex.settings
settings.get("customConnections").set("http://192.0.2.2")
settings.save()
shown = settings.get("customConnections").value
prefs["customConnections"] = "http://192.0.2.3"
print("plexapi shows", shown, "- now the owner sets", prefs["customConnections"])
settings.get("FriendlyName").set("Cellar")
settings.save()
print("sent:", *sent, "- the server has:", prefs)
assert shown == "http://192.0.2.1"
first = {"customConnections": "http://192.0.2.2"}
assert sent == [first, {**first, "FriendlyName": "Cellar"}]
assert prefs["customConnections"] == "http://192.0.2.2"
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
