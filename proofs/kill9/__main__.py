"""Kill -9 the real engine at random moments; nothing promised may be lost.

A child process runs the engine on its database and on a file for the circuit,
against a simulated Plex in another process, over HTTP. It takes in records and
says what it promises only once it has been answered. This process kills it,
looks at what is on disk and in Plex, and begins another, over and over.
"""

import argparse
from pathlib import Path
import sys
import tempfile
import time

from .series import Series

KILLS = 500
QUICK = 15


def main() -> int:
    """Run the series; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(prog="scripts/kill9", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} kills")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    kills = QUICK if chosen.quick else chosen.kills
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plexsync-kill9-") as folder:
        series = Series(chosen.seed, Path(folder))
        try:
            series.run(kills)
        finally:
            series.close()
    print("\n".join(series.figures.report()))
    print(f"seed {chosen.seed}, {time.monotonic() - started:.0f} s")
    return 0 if series.figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
