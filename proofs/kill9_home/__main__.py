"""Kill -9 a whole Home Assistant at random moments; nothing promised may be lost.

A real Home Assistant runs the integration with its own delays, between a
simulated Plex and a simulated Stash. Films are edited in Stash and by action,
Plex goes down, comes back, is slow and loses answers, and Home Assistant is killed:
while it starts, at some moment, right after an answer, while it writes to Plex,
as it saves the circuit. What is on disk is looked at each time before it starts
again. ``scripts/test tests/test_sigkill.py`` is the short form of this that every
change is tested with.
"""

import argparse
import asyncio
from pathlib import Path
import sys
import tempfile
import time

from proofs.figures import Figures

from .series import run

KILLS = 20


def main() -> int:
    """Run the series; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(prog="scripts/kill9_home", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plexsync-kill9-home-") as folder:
        figures = Figures()
        asyncio.run(run(figures, chosen.seed, chosen.kills, Path(folder)))
    print("\n".join(figures.report()))
    print(f"seed {chosen.seed}, {time.monotonic() - started:.0f} s")
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
