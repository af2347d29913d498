#!/usr/bin/env bash
# A setting of the Plex server that plexapi shall empty is not saved; where others are saved with it, there is no word.
#
# Guess: `setting.set("")`, then `settings.save()`, empties a setting of text, such as the custom addresses of the
# server.
# Seen (plexapi 4.18.3): `save` sends what is true to Python, so an empty text is no change. Alone it raises "No setting
# have been modified". Beside another change it is left out, and the script that took the addresses away reads as if it
# had. Plex goes on handing them out.
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
from plexapi.exceptions import BadRequest

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
settings.get("customConnections").set("")
try:
    settings.save()
    refused = False
except BadRequest as error:
    refused = True
    print("alone:", error)
settings.get("customConnections").set("")
settings.get("FriendlyName").set("Cellar")
settings.save()
print("with another one, sent:", sent, "- the server has:", prefs)
assert refused
assert sent == [{"FriendlyName": "Cellar"}]
assert prefs == {"FriendlyName": "Cellar", "customConnections": "http://192.0.2.1"}
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
