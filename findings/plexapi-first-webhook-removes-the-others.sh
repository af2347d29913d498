#!/usr/bin/env bash
# The first webhook that plexapi adds takes the place of all that the account had.
#
# Guess: `account.addWebhook(url)` adds one to the account's webhooks. It reads them first, or plex.tv has a call to add
# one.
# Seen (plexapi 4.18.3): plex.tv has a call to set all of them, and the list that plexapi adds to is empty until
# `account.webhooks()` was called. Without that call the new one is all that is left, and the answer, a list of one,
# looks as if there had been none. `deleteWebhook` raises "Webhook does not exist" for one that does, for the same
# reason. Call `account.webhooks()` first, each time.
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
from urllib.parse import parse_qs

import requests

from plexapi.exceptions import BadRequest
from plexapi.myplex import MyPlexAccount

USER = '<user id="1" username="me" scrobbleTypes=""><subscription/><profile/></user>'
asked = []
hooks = []  # those of the account


def answer(request):
    if not request.path_url.endswith("/webhooks"):
        return USER
    if request.method == "POST":
        hooks[:] = parse_qs(request.body)["urls[]"]
    return "<webhooks>" + "".join(f'<webhook url="{url}"/>' for url in hooks) + "</webhooks>"


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


def account():
    session = requests.Session()
    session.mount("https://", PlexTv())
    hooks[:] = ["http://old.example/hook"]
    return MyPlexAccount(token="token", session=session)


print("plexapi", importlib.metadata.version("plexapi"))
mine = account()
print("addWebhook:", mine.addWebhook("http://new.example/hook"))
assert hooks == ["http://new.example/hook"]
mine = account()
print("webhooks, then addWebhook:", mine.webhooks(), mine.addWebhook("http://new.example/hook"))
assert hooks == ["http://old.example/hook", "http://new.example/hook"]
try:
    account().deleteWebhook("http://old.example/hook")
except BadRequest as error:
    print("deleteWebhook of one that is there:", error)
else:
    raise AssertionError("it was deleted")
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
