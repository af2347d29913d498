#!/usr/bin/env bash
# An integer of more than 64 bits that orjson refuses to write it reads as a float, and says nothing.
#
# Guess: what cannot be written cannot be read either, or is read as Python's json reads it, as an integer.
# Seen (orjson 3.11.9): `dumps(2**64)` raises, `loads("18446744073709551616")` gives 1.8446744073709552e+19. Neighbours
# become the same number, so identifiers that were different are equal. The bounds differ: up to 2**64 - 1 above zero, down
# to -2**63 below. Home Assistant reads the messages of its websocket and the files of its stores with orjson.
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
import json

import orjson

print("orjson", orjson.__version__)
for number in (2**64 - 1, 2**64, -(2**63), -(2**63) - 1):
    text = json.dumps(number)
    try:
        written = orjson.dumps(number).decode()
    except TypeError as error:
        written = f"{type(error).__name__}: {error}"
    read = orjson.loads(text)
    print(text, "is read as", repr(read), "- is written as", written)
    within = -(2**63) <= number < 2**64
    assert isinstance(read, int) is within
    assert (written == text) is within
assert orjson.loads("18446744073709551616") == orjson.loads("18446744073709551617")
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
