#!/usr/bin/env bash
# A search by plexapi for the label "18" finds the films of another label, whose id is 18.
#
# Guess: in `section.search(label="18")` a text is the name of a label, and an integer its id, as the documentation has
# it. Where one label has the name and another one the id, the name wins, or it raises.
# Seen (plexapi 4.18.3): the text is compared with id and name of each label, and the first one in Plex's list that has
# it as either is meant. Of the labels "12", with the id 18, and "18", with the id 25, that is "12": a script that tags
# or deletes the films of "18" takes the others, without a word. It goes for collections, genres and people as well, and
# in smart playlists. Take the choice out of `listFilterChoices` by its title, and pass that.
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

LABELS = {"18": "12", "25": "18"}  # by their ids, in the order of Plex's answer
META = (
    '<MediaContainer size="0" totalSize="0"><Meta><Type key="/library/sections/1/all?type=1" type="movie" active="1">'
    '<Filter filter="label" filterType="string" key="/library/sections/1/label" title="Label" type="filter"/>'
    '<Field key="label" title="Label" type="tag"/></Type>'
    '<FieldType type="tag"><Operator key="=" title="is"/></FieldType></Meta></MediaContainer>'
)
searched = []


class Plex(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        searched.extend(parse_qs(url.query).get("label", []))
        labels = "".join(f'<Directory key="{key}" title="{title}"/>' for key, title in LABELS.items())
        body = {
            "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
            "/library": "<MediaContainer/>",
            "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
            "/library/sections/1/all": META,
            "/library/sections/1/label": f"<MediaContainer>{labels}</MediaContainer>",
        }.get(url.path, "<MediaContainer/>")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Plex)
threading.Thread(target=server.serve_forever, daemon=True).start()
section = PlexServer(f"http://127.0.0.1:{server.server_port}", "token").library.section("Films")
print("plexapi", importlib.metadata.version("plexapi"))


def asked(label):
    section.search(label=label)
    key = searched.pop()
    print(f"label={label!r} asks for {key}, which is {LABELS[key]!r}")
    return LABELS[key]


assert asked("12") == "12"
assert asked("18") == "12"
assert asked(next(choice for choice in section.listFilterChoices("label") if choice.title == "18")) == "18"
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
