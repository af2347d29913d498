#!/usr/bin/env bash
# Whoever changes the order of a smart playlist by plexapi's `updateFilters` makes it a playlist of all films.
#
# Guess: `playlist.updateFilters(sort="titleSort")` updates the order, and leaves the filters and the limit as they are.
# Seen (plexapi 4.18.3): it writes a new search with nothing but what it was given. The filters are gone and so is the
# limit, and the playlist holds the whole library. `updateFilters(**playlist.filters(), ...)`, which would keep them,
# raises TypeError for two values of `libtype`. Take "filters" and "limit" out of `filters()` and pass them again.
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
from xml.sax.saxutils import quoteattr

from plexapi.server import PlexServer

OPERATORS = "".join(
    f'<FieldType type="{kind}"><Operator key="=" title="is"/><Operator key="&gt;&gt;=" title="after"/></FieldType>'
    for kind in ("string", "integer", "boolean")
)
FIELDS = "".join(
    f'<Field key="{key}" title="{key}" type="{kind}"/>'
    for key, kind in (("title", "string"), ("year", "integer"), ("unwatched", "boolean"))
)
SORTS = '<Sort key="titleSort" descKey="titleSort:desc"/><Sort key="year" descKey="year:desc"/>'
TYPE = f'<Type key="/library/sections/1/all?type=1" type="movie" active="1">{SORTS}{FIELDS}</Type>'
META = f'<MediaContainer size="0" totalSize="0"><Meta>{TYPE}{OPERATORS}</Meta></MediaContainer>'
ANSWERS = {
    "/": '<MediaContainer machineIdentifier="m" version="1.43.1"/>',
    "/library": "<MediaContainer/>",
    "/library/sections": '<MediaContainer><Directory key="1" type="movie" title="Films"/></MediaContainer>',
    "/library/sections/1/all": META,
}
stored = []  # what each smart playlist was told to be
asked = []


def what(address):
    """The query of an address, without what is always there."""
    query = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    return {name: value for name, value in query.items() if name not in ("includeGuids", "type")}


class Plex(BaseHTTPRequestHandler):
    def answer(self):
        url = urlsplit(self.path)
        if "uri" in (query := dict(parse_qsl(url.query))):
            stored.append(query["uri"])
        asked.append(self.path)
        playlist = "<Playlist/>"
        if stored:
            playlist = (
                f'<Playlist key="/playlists/77/items" type="playlist" smart="1" content={quoteattr(stored[-1])}/>'
            )
        body = ANSWERS.get(url.path, f"<MediaContainer>{playlist}</MediaContainer>").encode()
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
section = plex.library.section("Films")
section.createPlaylist("P", smart=True, filters={"title": "Solaris", "year>>": 1970}, sort="year:desc", limit=10)
playlist = plex.fetchItem("/playlists/77")
before = what(stored[-1])
playlist.updateFilters(sort="titleSort")
after = what(stored[-1])
print("before:", before)
print("after:", after)
assert before == {"limit": "10", "sort": "movie.year:desc", "title": "Solaris", "year>>": "1970"}
assert after == {"sort": "movie.titleSort"}
try:
    playlist.updateFilters(**playlist.filters())
    refused = False
except TypeError as error:
    refused = True
    print(error)
assert refused
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
