"""How soon an edit in Stash stands in Plex, and what an idle Stash is asked.

`python -m bench.polls`, with `--against DIR` beside another checkout, `--edits 50`.
"""

import argparse
import os
from pathlib import Path
import subprocess
import sys

from .results import Polls

_HERE = Path(__file__).parent.parent
_EDITS = 200


def measure(checkout: Path, edits: int) -> Polls:
    """Measure the product of a checkout in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bench.polling", str(edits)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=3600,
        env=os.environ | {"PYTHONPATH": f"{checkout}{os.pathsep}{_HERE}"},
    )
    return Polls.from_json(done.stdout)


def tell(polls: Polls) -> str:
    """Say what was measured."""

    def hours(found: list[tuple[int, int]]) -> str:
        return ", then ".join(
            f"{requests} requests with {size / 1000:.0f} kB" for requests, size in found
        )

    return (
        f"{polls.edits} edits, one every 0.5 to 3 s: in Plex after {polls.median:.1f} s"
        f" (median), {polls.p95:.1f} s (p95), {polls.worst:.1f} s at most\n"
        f"idle, by the hour: {hours(polls.idle)}\n"
        f"after a bulk edit of 2,000 scenes, by the hour: {hours(polls.bulk)}"
    )


def main() -> int:
    """Print what was found; fail when it misses what was promised."""
    parser = argparse.ArgumentParser(prog="python -m bench.polls", description=__doc__)
    parser.add_argument("--edits", type=int, default=_EDITS)
    parser.add_argument("--against", metavar="DIR", type=Path)
    chosen = parser.parse_args()
    if chosen.against:
        print(f"The other:\n{tell(measure(chosen.against.resolve(), chosen.edits))}")
    polls = measure(_HERE, chosen.edits)
    print(tell(polls), flush=True)
    for miss in polls.misses():
        print(f"MISSED {miss}")
    return 1 if polls.misses() else 0


if __name__ == "__main__":
    sys.exit(main())
