#!/usr/bin/env bash
# Two films of two Plex servers are equal to plexapi if they have the same number, whatever they are.
#
# Guess: items are equal if they are the same item: of one server, with one key. In a set, films of two servers are kept
# apart.
# Seen (plexapi 4.18.3): only the key is compared, "/library/metadata/7", which each server has. Server and guid are of no
# account. In a list `in`, `index` and `remove` find the other server's film. In a set or a dict two items are one as well
# where their titles are equal, since the hash is made of the title; with another title they are equal and both are kept.
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



def serving(machine, *titles):
    """Start a server whose films are numbered from 7 on."""
    films = "".join(
        f'<Video ratingKey="{key}" key="/library/metadata/{key}" guid="plex://movie/{machine}{key}"'
        f' type="movie" title="{title}"/>'
        for key, title in enumerate(titles, 7)
    )
    answers = {
        "/": f'<MediaContainer machineIdentifier="{machine}" version="1.43.1"/>',
        "/films": f"<MediaContainer>{films}</MediaContainer>",
    }

    class Plex(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers[urlsplit(self.path).path].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return PlexServer(f"http://127.0.0.1:{server.server_port}", "token").fetchItems("/films")


print("plexapi", importlib.metadata.version("plexapi"))
here, there = serving("here", "Solaris", "Alien"), serving("there", "Solaris", "Stalker")
for one, other in zip(here, there):
    print(one.guid, one.title, "==", other.guid, other.title, "is", one == other, "- in a set:", len({one, other}))
assert here == there
assert len({here[0], there[0]}) == 1
assert len({here[1], there[1]}) == 2
here.remove(there[1])
print("here, without", there[1].title, "of the other server:", [film.title for film in here])
assert [film.title for film in here] == ["Solaris"]
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
