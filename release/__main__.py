"""Make the zip that is released, and try it where nothing else of this repository is."""

import argparse
import asyncio
from pathlib import Path
import sys
import tempfile
import time

from . import trial
from .archive import build
from .contents import ARCHIVE, REPOSITORY, ReleaseError, check_tag, notes, version


def main() -> int:
    """Make and try it; 1 if it cannot be released."""
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only set it up anew")
    parser.add_argument(
        "--tag", help="refuse unless the tag names the manifest's version"
    )
    parser.add_argument("--to", type=Path, default=REPOSITORY / "dist")
    chosen = parser.parse_args()
    started = time.monotonic()
    try:
        if chosen.tag:
            check_tag(chosen.tag)
        archive = chosen.to / ARCHIVE
        names = build(archive)
        (chosen.to / "notes.md").write_text(f"{notes()}\n")
        print(f"{version()}: {len(names)} files, {archive.stat().st_size // 1024} kB")
        asyncio.run(_try(archive, quick=chosen.quick))
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{archive}, {time.monotonic() - started:.0f} s")
    return 0


async def _try(archive: Path, *, quick: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="plexsync-release-") as name:
        folder = Path(name)
        if quick:
            print(await trial.set_up(archive, folder / "set-up"))
            return
        async for said in trial.everything(archive, folder):
            print(said)


if __name__ == "__main__":
    sys.exit(main())
