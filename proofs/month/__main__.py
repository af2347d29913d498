"""`scripts/month`: simulated months, seed by seed; any failure names the seed that replays it."""

import argparse
from concurrent.futures import ProcessPoolExecutor
import os
import sys
import time

from .figures import Total
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
    total = Total()
    with ProcessPoolExecutor(min(len(seeds), os.process_cpu_count() or 1)) as pool:
        for report in pool.map(month, seeds, [days] * len(seeds)):
            total.add(report)
            for line in report.broken[:10]:
                print(f"  ! seed {report.seed}: {line}")
            if report.broken:
                print(
                    f"    replay: scripts/month --first {report.seed} --seeds 1"
                    f" --days {days:g}",
                    flush=True,
                )
            if total.months % 10 == 0:
                print(
                    f"{total.months} months, {time.monotonic() - began:.0f} s,"
                    f" invariants broken {len(total.broken)}",
                    file=sys.stderr,
                    flush=True,
                )
    print("\n".join(total.lines()))
    print(
        f"seconds {time.monotonic() - began:.0f}, seeds {seeds.start}-{seeds.stop - 1}"
    )
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
