"""Kill -9 at random moments, over and over; nothing promised may be lost.

The real engine in a process of its own takes in records, against a simulated Plex
over HTTP. With --home it is a whole Home Assistant with its own delays, beside a
simulated Stash, too: films are edited there and by action. Plex goes down, comes
back, is slow and loses answers. A promise is noted only once it was answered; after
each kill the disk and Plex are compared with all of them, before the next start.
"""

import argparse
import asyncio
from pathlib import Path
import sys
import tempfile
import time

from proofs.report import conclude

from . import engine, home

QUICK = 15


def main() -> int:
    """Run the series; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(prog="scripts/kill9", description=__doc__)
    parser.add_argument("--home", action="store_true", help="all of Home Assistant")
    parser.add_argument("--kills", type=int, help="500, or 20 of Home Assistant")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} kills")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    kills = QUICK if chosen.quick else chosen.kills or (20 if chosen.home else 500)
    run = home.run if chosen.home else engine.run
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plexsync-kill9-") as folder:
        figures = asyncio.run(run(chosen.seed, kills, Path(folder)))
    code = conclude(figures.troubles, figures.lines())
    print(f"seed {chosen.seed}, {time.monotonic() - started:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
