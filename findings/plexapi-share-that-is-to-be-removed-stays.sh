#!/usr/bin/env bash
# To remove all shares of a friend by plexapi removes none, and a filter for music that goes with it is not sent.
#
# Guess: `account.updateFriend(user, server, removeSections=True)` takes all libraries of the server from the friend,
# which is what its documentation says it is for, whatever `sections` says. And `filterMusic={"label": ["kids"]}`
# restricts the music, as `filterMovies` does the films.
# Seen (plexapi 4.18.3): the first sends nothing, logs a warning that a section is required, and returns as after any
# other call; the friend goes on seeing everything. With `sections`, any of them, it does remove all. `filterMusic` is
# sent only if `allowChannels` is a dict, which it is not meant to be: the friend has the films of the label "kids", and
# all music.
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
import importlib.metadata
import logging

import requests

from plexapi.myplex import MyPlexAccount

asked = []
ANSWERS = {
    "/api/v2/user": '<user id="1" username="me" scrobbleTypes=""><subscription/><profile/></user>',
    "/api/users/": '<MediaContainer><User id="5" title="Kim" username="kim" email="kim@example.com">'
    '<Server id="77" machineIdentifier="m1" name="S" serverId="3"/></User></MediaContainer>',
    "/api/servers/m1": '<MediaContainer><Server><Section id="901" key="1" title="Films"/></Server></MediaContainer>',
}


def answer(request):
    return ANSWERS.get(request.path_url, "<MediaContainer/>")


class PlexTv(requests.adapters.BaseAdapter):
    """What plex.tv answers, without plex.tv."""

    def send(self, request, **kwargs):
        asked.append((request.method, request.path_url, request.body))
        response = requests.Response()
        response.status_code = 200
        response.request, response.url = request, request.url
        response.encoding = "utf-8"
        response._content = answer(request).encode()
        return response

    def close(self):
        pass


session = requests.Session()
session.mount("https://", PlexTv())
logging.disable(logging.CRITICAL)
account = MyPlexAccount(token="token", session=session)
print("plexapi", importlib.metadata.version("plexapi"))


def changes(**kwargs):
    asked.clear()
    account.updateFriend("kim", "m1", **kwargs)
    sent = [f"{method} {path}" for method, path, _ in asked if method != "GET"]
    print(kwargs, "sends", sent or "nothing")
    return sent


assert changes(removeSections=True) == []
assert changes(removeSections=True, sections=["Films"]) == ["DELETE /api/servers/m1/shared_servers/77"]
kids = {"label": ["kids"]}
only_films = ["PUT /api/v2/sharings/5?filterMovies=label%3Dkids"]
assert changes(filterMovies=kids) == only_films
assert changes(filterMovies=kids, filterMusic=kids) == only_films
assert changes(filterMusic=kids) == []
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
