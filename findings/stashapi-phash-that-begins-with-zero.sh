#!/usr/bin/env bash
# Of the pairs of perceptual hashes that Stash gives, stashapi cannot compare one in nine.
#
# Guess: `phash_distance(a, b)` takes any two hashes as Stash gives them, and counts the bits in which they differ.
# Seen (stashapi 0.1.5, and stashapp-tools 0.2.59, which has the same module): it insists on texts of one length. Stash
# writes a hash as a number in hex, without zeros before it, so one hash in sixteen is shorter: `phash_distance` raises
# AssertionError, with no text, and `similarity_score` does too. A loop over duplicates that takes any error for "no
# match" overlooks them. `a.zfill(16)` makes it right, as does comparing the numbers.
#
# Needs Python 3.11 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
for package in stashapi==0.1.5 stashapp-tools==0.2.59; do
  venv=$folder/${package%%=*}
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" "$package"
  else
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "$package"
  fi
done
cat >"$folder/see.py" <<'PY'
from stashapi.tools import phash_distance, similarity_score

HASHES = (0xF1A0_55AA_0000_FFFF, 0x01A0_55AA_0000_FFFF)


def outcome(function, *texts):
    try:
        seen = function(*texts)
    except AssertionError as error:
        seen = repr(error)
    print(function.__name__, *texts, "-", seen)
    return seen


as_stash_writes = [f"{number:x}" for number in HASHES]
filled = [text.zfill(16) for text in as_stash_writes]
assert outcome(phash_distance, *as_stash_writes) == "AssertionError()"
assert outcome(similarity_score, *as_stash_writes) == "AssertionError()"
assert outcome(phash_distance, *filled) == 4
PY
for package in stashapi stashapp-tools; do
  "$folder/$package/bin/python" -c "import importlib.metadata as m; print('$package', m.version('$package'))"
  "$folder/$package/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
done
