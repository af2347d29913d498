#!/usr/bin/env bash
# One request that is lost while plexapi waits for a sign-in is a PIN that has expired.
#
# Guess: `MyPlexPinLogin.run(timeout=120)` asks once a second for two minutes; a poll that plex.tv does not answer is
# followed by the next one. `checkLogin()`, which is there to tell whether it went well, is True afterwards.
# Seen (plexapi 4.18.3): any exception in a poll, a lost connection or a 503, ends the wait and sets `expired`. The user
# enters a PIN that is good for minutes, plex.tv accepts it, and nobody looks any more. After a sign-in that went well
# `checkLogin()` is False, as for each login that was started by `run`; `waitForLogin()` and `token` say it.
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

import requests

from plexapi.myplex import MyPlexPinLogin

asked = []
lost = set()  # the polls that are not answered


def answer(request):
    polls = sum(method == "GET" for method, _, _ in asked)
    if request.method == "GET" and polls in lost:
        raise requests.ConnectionError("connection reset")
    token = "good" if polls >= 3 else ""  # the user has entered the PIN by the third poll
    return f'<pin id="4" code="abcd" expiresIn="900" authToken="{token}"/>'


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


def sign_in(*numbers):
    asked.clear()
    lost.clear()
    lost.update(numbers)
    session = requests.Session()
    session.mount("https://", PlexTv())
    login = MyPlexPinLogin(session=session)
    login.run(timeout=30)
    well = login.waitForLogin()
    print(f"lost polls {numbers}:", well, login.token, f"expired: {login.expired}", f"polls: {len(asked) - 1}")
    return well, login


print("plexapi", importlib.metadata.version("plexapi"))
well, login = sign_in()
assert well and login.token == "good"
print("checkLogin:", login.checkLogin())
assert not login.checkLogin()
well, login = sign_in(2)
assert not well and login.expired and login.token is None and len(asked) == 3
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
