#!/usr/bin/env bash
# To a snapshot of syrupy two objects are equal that differ in nothing but what they keep in attributes with an
# underscore.
#
# Guess: an object without a `repr` of its own is written with its attributes, so one that holds something else fails
# the test; or its address is written, and it fails each time.
# Seen (syrupy 7.0.2): the public attributes are written and the others are not. An object that keeps everything behind
# an underscore is written without anything in it, and any other one passes. With a property for the value it is
# compared again, by the property. Nor does a string with "\r\n" differ from one with "\n". A test that is to notice a
# change of what is inside compares something else: `vars(thing)`, or what a method gives.
#
# Needs Python 3.11 or newer, by the name python3 or in $PYTHON, and uv or pip. Exits 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  uv venv --quiet --python "$python" "$folder/venv"
  uv pip install --quiet --python "$folder/venv/bin/python" syrupy==7.0.2 pytest==9.2.0
else
  "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet syrupy==7.0.2 pytest==9.2.0
fi
cat >"$folder/see.py" <<'PY'
import importlib.metadata
from pathlib import Path
import subprocess
import sys

TEST = """
class Token:
    def __init__(self, value):
        self._value = value


class Shown(Token):
    @property
    def value(self):
        return self._value


def test_token(snapshot):
    assert Token({value!r}) == snapshot


def test_shown(snapshot):
    assert Shown({value!r}) == snapshot


def test_vars(snapshot):
    assert vars(Token({value!r})) == snapshot


def test_lines(snapshot):
    assert {lines!r} == snapshot
"""
folder = Path(__file__).parent / "tests"
folder.mkdir()


def run(value, lines, *options):
    (folder / "test_it.py").write_text(TEST.format(value=value, lines=lines))
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", folder, folder, *options]
    lines = subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout.splitlines()
    return {line.split("::")[1].split()[0]: line.split()[1] for line in lines if "::" in line and "%]" in line}


print("syrupy", importlib.metadata.version("syrupy"))
assert set(run("old", "a\nb", "--snapshot-update").values()) == {"PASSED"}
seen = run("new", "a\r\nb")
print("with another value:", seen)
assert seen == {"test_token": "PASSED", "test_shown": "FAILED", "test_vars": "FAILED", "test_lines": "PASSED"}
PY
"$folder/venv/bin/python" "$folder/see.py" || { echo "changed"; exit 1; }
