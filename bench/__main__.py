"""`scripts/bench`: ours beside a plain plexapi script, row by row, with ratios; then a backlog."""

import argparse
import subprocess
import sys

from .results import DATABASE, Backlog, Edits, Row, Sweeps

JOBS = 1000  # records synced in a row; a sample where the library is larger
ROUNDS = 3  # sweeps of each side, of which the median counts
EDITS = 3000  # items that are changed, at each kind of latency
SLOW_JOBS = 300  # the same with a server that takes its time
PLAIN = {0: 300, 20: 60}  # items of the plain script, by latency in ms

HEAD = (
    f"{'items':>7} {'ms':>3} {'ours/s':>7} {'plain/s':>7} {'ratio':>6} {'req/new':>8}"
    f" {'req/chg':>8} {'after':>6} {'same':>5} {'listed':>7} {'gap ms':>7} {'idle':>6}"
    f" {'MB':>5} {'kB/job':>7} {'syncs':>6}"
)


BACKLOG = (50_000, 100_000, 1000)  # items, records that come in, jobs done meanwhile
SMALL_BACKLOG = (1000, 5000, 300)


def run(program: str, *arguments: object) -> str:
    """Measure in a process of its own; give its result."""
    done = subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=1800,
    )
    return done.stdout


def measure(items: int, latency: int, *, quick: bool) -> Row:
    """Measure one row."""
    jobs = SLOW_JOBS if latency or quick else JOBS
    plain = PLAIN[max(known for known in PLAIN if known <= latency)]
    return Row.from_json(run("bench.row", items, latency, min(jobs, items), plain))


def line(row: Row) -> str:
    """Write a row of the table."""
    return (
        f"{row.items:>7} {row.latency:>3} {row.rate:>7.0f} {row.plain_rate:>7.0f}"
        f" {row.ratio:>5.1f}x {row.first_requests / row.jobs:>8.3f} {row.warm:>8.3f}"
        f" {row.resumed:>5.2f}x {row.unchanged_requests:>5} {row.listing_requests:>7} {row.gap * 1000:>7.1f}"
        f" {row.idle_gap * 1000:>6.1f} {row.memory / 1e6:>5.0f}"
        f" {row.written / row.jobs / 1000:>7.1f} {row.syncs:>6}"
    )


def tell(backlog: Backlog) -> str:
    """Say what many records at once cost."""
    return (
        f"{backlog.records:,} records for {backlog.items:,} items came in within"
        f" {backlog.seconds:.1f} s: memory +{backlog.memory / 1e6:.0f} MB,"
        f" {backlog.written / backlog.records / 1000:.1f} kB written each,"
        f" loop held {backlog.gap * 1000:.1f} ms (p99.9).\n"
        f"{backlog.jobs:,} of them done in {backlog.work_seconds:.1f} s while the others"
        f" waited: {backlog.jobs / backlog.work_seconds:.0f} a second, loop held"
        f" {backlog.work_gap * 1000:.1f} ms; idle {backlog.idle_gap * 1000:.1f} ms."
    )


def tell_misses(misses: list[str]) -> int:
    """Say what is not good enough, and give the program's exit code."""
    for miss in misses:
        print(f"MISSED {miss}")
    return 1 if misses else 0


def compare(sweeps: Sweeps) -> str:
    """Say what whole sweeps cost beside those of another checkout."""
    return (
        f"sweep of {sweeps.items:,} items in line, {sweeps.latency} ms:"
        f" {sweeps.seconds:.1f} s, the other {sweeps.other_seconds:.1f} s:"
        f" {sweeps.ratio:.2f}x; processor {sweeps.cpu_ratio:.2f}x;"
        f" requests {sweeps.requests} and {sweeps.other_requests};"
        f" memory +{sweeps.memory / 1e6:.0f} and +{sweeps.other_memory / 1e6:.0f} MB"
    )


def compare_edits(edits: Edits) -> str:
    """Say what bringing items into line costs beside another checkout."""
    ours, theirs = edits.ours, edits.theirs
    per = {
        side: (
            f"{side.items / side.seconds:.0f} a second, {side.cpu_seconds / side.items * 1e3:.2f} ms"
            f" of the processor and {side.written / side.items / 1e3:.1f} kB written each,"
            f" memory +{side.memory / 1e6:.0f} MB"
        )
        for side in (ours, theirs)
    }
    return (
        f"{ours.items:,} {'new' if edits.first else 'changed'} items, latency:"
        f" {edits.latency}: {per[ours]}; the other {per[theirs]}:"
        f" {1 / edits.ratio('seconds'):.2f}x as many,"
        f" processor {edits.ratio('cpu_seconds'):.2f}x, disk {edits.ratio('written'):.2f}x"
    )


def against(other: str, items: int, jobs: int) -> list[str]:
    """Print edits beside those of another checkout; give what is not good enough."""
    *found, ours, theirs = run("bench.edits", other, items, jobs, ROUNDS).splitlines()
    misses: list[str] = []
    for edits in map(Edits.from_json, found):
        print(compare_edits(edits), flush=True)
        misses += edits.misses()
    print(f"database: {float(ours):.0f} bytes an item, the other {float(theirs):.0f}")
    if float(ours) > DATABASE:
        misses.append(f"database: {float(ours):.0f} bytes an item, allowed {DATABASE}")
    return misses


def main() -> int:
    """Print the table; fail when a row misses what was promised."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 items only")
    parser.add_argument("--sizes", default="1000,10000,50000")
    parser.add_argument("--latency", default="0,20", help="of the server, in ms")
    parser.add_argument("--against", metavar="DIR", help="compare edits and sweeps")
    chosen = parser.parse_args()
    sizes = "1000" if chosen.quick else chosen.sizes
    misses: list[str] = []
    if chosen.against:
        for items in map(int, sizes.split(",")):
            found = run("bench.sweep", chosen.against, items, chosen.latency, ROUNDS)
            for sweeps in map(Sweeps.from_json, found.splitlines()):
                print(compare(sweeps), flush=True)
                misses += sweeps.misses()
            misses += against(chosen.against, items, min(items, EDITS))
        return tell_misses(misses)
    print(HEAD, flush=True)
    for items in map(int, sizes.split(",")):
        for latency in map(int, chosen.latency.split(",")):
            row = measure(items, latency, quick=chosen.quick)
            print(line(row), flush=True)
            misses += row.misses()
    backlog = Backlog.from_json(
        run("bench.backlog", *(SMALL_BACKLOG if chosen.quick else BACKLOG))
    )
    print(tell(backlog), flush=True)
    misses += backlog.misses()
    return tell_misses(misses)


if __name__ == "__main__":
    sys.exit(main())
