# Sourced by the scripts: everything runs from the repository's root.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$PWD/.python/tools # uv and patchelf, where the machine has none
export PATH="$PATH:$tools/bin"

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Install a PyPI package that brings a program into .python/tools.
tool() {
  command -v "$1" >/dev/null && return
  say "Fetching $1 into .python/tools"
  [ -x "$tools/bin/pip" ] || python3 -m venv "$tools" >/dev/null || die "Python 3 with venv is missing"
  "$tools/bin/pip" install --quiet "$1" || die "$1 could not be fetched"
}

venv=.venv # .venv-next has the Home Assistant to come

# Have the environment complete, newer than what it is made from, and first on the PATH.
ready() {
  if [ ! -e "$venv/.ready" ] || [ -n "$(find requirements -newer "$venv/.ready")" ]; then
    scripts/setup "$venv"
  fi
  export PATH="$PWD/$venv/bin:$PATH"
}
