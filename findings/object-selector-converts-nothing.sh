#!/usr/bin/env bash
# The fields of an object selector are checked and not converted; and one object for a list of them passes on 2026.10 only.
#
# Guess: an object selector applies the selector of each field as a form applies that of each of its own: "3" of a number
# comes out as 3.0. With `multiple` one object alone is refused, or becomes a list of one.
# Seen: NumberSelector gives 3.0 for "3". An ObjectSelector with the same selector as a field lets "3" through and gives it
# back as the text it was; "on" of a boolean field stays "on". With `multiple`, homeassistant 2026.10.4 gives one
# object back as it is, a dict where the code goes on to loop over a list; 2026.11.0 refuses it. Convert and
# wrap what an object selector gives, before and after the update.
#
# Needs Python 3.14.2 or newer, by the name python3.14 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3.14}
cat >"$folder/see.py" <<'PY'
import importlib.metadata

from homeassistant.helpers.selector import BooleanSelector, NumberSelector, ObjectSelector
import probatio

FIELDS = {
    "number": {"selector": NumberSelector({"min": 0, "max": 9})},
    "flag": {"selector": BooleanSelector()},
}
rows = ObjectSelector({"multiple": True, "fields": FIELDS})

print("homeassistant", importlib.metadata.version("homeassistant"))
alone = NumberSelector({"min": 0, "max": 9})("3")
within = rows([{"number": "3", "flag": "on"}])
print("by itself:", repr(alone), "as a field:", within)
try:
    print("one for a list:", rows({"number": 3}))
except probatio.Invalid as error:
    print("one for a list: refused,", error)
try:
    rows([{"number": "10"}])
except probatio.Invalid as error:
    print("a field is checked:", error)
else:
    raise AssertionError("not checked")
assert type(alone) is float
assert within == [{"number": "3", "flag": "on"}]
PY
failed=0
see() { # version, what comes of one object
  local venv=$folder/$1
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "homeassistant==$1"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "homeassistant==$1"
  fi
  "$venv/bin/python" "$folder/see.py" | tee "$folder/out" || failed=1
  grep -qF "one for a list: $2" "$folder/out" || failed=1
}
see 2026.10.4 "{'number': 3}"
see 2026.11.0 "refused"
exit "$failed"
