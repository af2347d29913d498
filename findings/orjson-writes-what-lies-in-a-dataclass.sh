#!/usr/bin/env bash
# orjson writes a dataclass with more than its fields, or with less: what lies in the object counts.
#
# Guess: A dataclass is written with its fields, each of them and no others, as `dataclasses.asdict` has it; which of
# its properties were read before is of no account.
# Seen (orjson 3.11.9): it writes what is in the object's `__dict__`. A `cached_property` appears in the JSON once
# somebody has read it, and so does any attribute that was set. A field with a default and `init=False`, such as a
# constant `kind`, is missing, since its value lies in the class. So the same object has two digests, and a file has
# keys that its reader refuses. With `slots=True` the fields are written. Home Assistant writes stores and websocket
# messages with orjson.
#
# Needs Python 3.10 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" orjson==3.11.9
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet orjson==3.11.9
fi
cat >"$folder/see.py" <<'PY'
import dataclasses
from functools import cached_property

import orjson


@dataclasses.dataclass
class Film:
    title: str
    kind: str = dataclasses.field(init=False, default="movie")

    @cached_property
    def words(self):
        return self.title.split()


@dataclasses.dataclass(slots=True)
class SlottedFilm:
    title: str
    kind: str = dataclasses.field(init=False, default="movie")


def written(film):
    text = orjson.dumps(film).decode()
    print(type(film).__name__, "- fields:", dataclasses.asdict(film), "- written:", text)
    return text


print("orjson", orjson.__version__)
film = Film("Solaris")
assert written(film) == '{"title":"Solaris"}'
film.words  # noqa: B018
assert written(film) == '{"title":"Solaris","words":["Solaris"]}'
film.note = "seen"
assert written(film) == '{"title":"Solaris","words":["Solaris"],"note":"seen"}'
assert dataclasses.asdict(film) == {"title": "Solaris", "kind": "movie"}
assert written(SlottedFilm("Solaris")) == '{"title":"Solaris","kind":"movie"}'
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
