"""Fail the n-th: every statement, commit and step of a save fails once.

One story (``story.py``) is told again and again: submitting and coalescing,
matching, writing, verifying, failed and waiting jobs, an outage, undo, pin,
reconcile, a backup, the removal of a source, restarts and a lost ledger. In the
n-th telling the n-th thing that goes to the disk fails; then all goes on. Every
committed state has to be before or after what was asked for, never between, and
in the end everything has to stand as if nothing had happened.
"""

import argparse
from collections import Counter
import logging
import sys
import time

from proofs.edge import COUNTED, Way
from proofs.report import conclude

from .series import run, sweep

_STRIDE = 23  # of the quick form; a prime, so that no rhythm of the story escapes it


def main() -> int:
    """Tell it all; 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(prog="scripts/fail_nth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"every {_STRIDE}th")
    args = parser.parse_args()
    logging.disable()
    started = time.monotonic()
    undisturbed = run(Way.STATEMENT, 0)
    seen, failed = undisturbed.seen, Counter[Way]()
    wrong = [f"undisturbed: {trouble}" for trouble in undisturbed.wrong]
    tellings = errors = passed = 0
    for telling in sweep(undisturbed, _STRIDE if args.quick else 1):
        tellings += 1
        errors += telling.errors
        failed[telling.way] += telling.struck is not None
        passed += telling.struck is None and not telling.wrong
        if telling.wrong:
            wrong.append(str(telling))
        if sys.stderr.isatty():
            print(f"\r{tellings} tellings", end="", file=sys.stderr)
    if passed != len(Way):
        wrong.append(f"{passed} of {len(Way)} passed with nothing left to fail")
    figures = [
        ", ".join(f"{what} {number}" for what, number in seen.items()),
        *(
            f"{COUNTED[way]}, {way}: {failed[way]} of {seen[COUNTED[way]]} failed once"
            for way in Way
        ),
        f"tellings {tellings}, the last of each kind with nothing left to fail",
        f"storage errors that hosts met, and asked again: {errors}",
        f"violations {len(wrong)}",
        f"seconds {time.monotonic() - started:.0f}",
    ]
    return conclude(wrong, figures)


if __name__ == "__main__":
    sys.exit(main())
