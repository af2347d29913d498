"""`scripts/month`: simulated months, seed by seed; any failure names the seed that replays it."""

import argparse
from concurrent.futures import ProcessPoolExecutor
import os
import sys
import time

from proofs.report import conclude

from .figures import Report
from .run import month


def main() -> int:
    """Run the months side by side; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(prog="scripts/month", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--quick", action="store_true", help="2 seeds of 10 days")
    args = parser.parse_args()
    number, days = (2, 10.0) if args.quick else (args.seeds, args.days)
    seeds = range(args.first, args.first + number)
    began = time.monotonic()
    total = Report()
    with ProcessPoolExecutor(min(len(seeds), os.process_cpu_count() or 1)) as pool:
        for seed, report in zip(
            seeds, pool.map(month, seeds, [days] * len(seeds)), strict=True
        ):
            total.add(seed, report)
            if sys.stderr.isatty():
                print(f"\r{total.numbers['months']} months", end="", file=sys.stderr)
    code = conclude(total.broken, total.lines())
    print(
        f"seconds {time.monotonic() - began:.0f}, days {days:g},"
        f" seeds {seeds.start}-{seeds.stop - 1}"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
