"""What a row of the benchmark found, and whether it is good enough."""

from dataclasses import asdict, dataclass
import json
from math import ceil
from typing import Self

# The gate. Ratios and differences, all within one row: the machine's own speed cancels out.
RATIO = {0: 4.0, 20: 10.0}  # times the plain script, by the server's latency in ms
GAP = 0.010  # seconds over idle that the loop is held, at p99.9
WARM = 1.05  # requests per changed record
RESUMED = 1.5  # times as long as without an outage
ENQUEUE = 60.0  # seconds for 100,000 records: "seconds, not minutes"
FLAT = 32e6  # bytes that memory may grow while they come in
ARRIVES = (2.0, 4.0)  # seconds from an edit in Stash to Plex: median, p95
IDLE = (360, 120)  # requests to an idle Stash in an hour: at first, and from then on
# Beside the product that it is compared with:
SWEEP = 0.65  # times as long
FIRST = 0.65  # times as long
RATES = {"none": 1.3, "each": 2.5, "writes": 0.95}  # times as many, by kind of latency
CPU = 0.6  # times as much for each item
DISK = 0.4  # times as much for each item
DATABASE = 2000  # bytes for each item


@dataclass(frozen=True, slots=True)
class Result:
    """Plain numbers, which travel as JSON from the row's process."""

    def to_json(self) -> str:
        """Encode."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Decode."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Row(Result):
    """One library size at one latency. Times in seconds, sizes in bytes, counts in all."""

    items: int
    latency: int
    jobs: int  # records synced; less than items where a sample stands for all
    listing_seconds: float
    listing_requests: int
    first_seconds: float
    first_requests: int
    unchanged_seconds: float
    unchanged_requests: int
    changed_seconds: float
    changed_requests: int
    resumed_seconds: float  # the same after an outage
    plain_jobs: int
    plain_seconds: float
    plain_requests: int
    cpu_seconds: float  # of our process, while it synced the first time
    gap: float
    gap_max: float
    idle_gap: float
    idle_gap_max: float
    memory: int  # peak over what the process had before its first record
    written: int
    syncs: int

    @property
    def rate(self) -> float:
        """Items a second, each with its share of listing the library."""
        share = self.listing_seconds * self.jobs / self.items
        return self.jobs / (self.first_seconds + share)

    @property
    def plain_rate(self) -> float:
        """Items a second of the plain script."""
        return self.plain_jobs / self.plain_seconds

    @property
    def ratio(self) -> float:
        """How many times faster we are."""
        return self.rate / self.plain_rate

    @property
    def warm(self) -> float:
        """Requests per changed record."""
        return self.changed_requests / self.jobs

    @property
    def resumed(self) -> float:
        """How many times as long changed records take after an outage."""
        return self.resumed_seconds / self.changed_seconds

    def misses(self) -> list[str]:
        """Say what is not good enough."""
        wanted = RATIO[max(known for known in RATIO if known <= self.latency)]
        pages = ceil(self.items / 1000)
        over = self.gap - self.idle_gap
        found = {
            f"{self.ratio:.1f} times plain, wanted {wanted:g}": self.ratio < wanted,
            f"loop held {over * 1000:.1f} ms over idle, allowed {GAP * 1000:g}": over
            > GAP,
            f"{self.warm:.3f} requests per changed record, allowed {WARM}": self.warm
            > WARM,
            f"{self.resumed:.2f} times as long after an outage, allowed {RESUMED}": self.resumed
            > RESUMED,
            f"{self.unchanged_requests} requests for unchanged records": self.unchanged_requests
            > 0,
            f"{self.listing_requests} listing requests, wanted {pages}": self.listing_requests
            != pages,
        }
        name = f"{self.items:,} items, {self.latency} ms"
        return [f"{name}: {text}" for text, missed in found.items() if missed]


@dataclass(frozen=True, slots=True)
class Backlog(Result):
    """Many records at once, and the work with all of them waiting."""

    items: int
    records: int
    seconds: float
    memory: int  # growth from the first record to the last
    written: int
    gap: float  # while they came in
    jobs: int
    work_seconds: float
    work_gap: float  # while these jobs were done and all others waited
    idle_gap: float

    def misses(self) -> list[str]:
        """Say what is not good enough."""
        held = max(self.gap, self.work_gap) - self.idle_gap
        allowed = max(1.0, ENQUEUE * self.records / 100_000)
        found = {
            f"{self.seconds:.1f} s, allowed {allowed:.0f}": self.seconds > allowed,
            f"memory grew by {self.memory / 1e6:.0f} MB, allowed {FLAT / 1e6:.0f}": self.memory
            > FLAT,
            f"loop held {held * 1000:.1f} ms over idle, allowed {GAP * 1000:g}": held
            > GAP,
        }
        name = f"{self.records:,} records"
        return [f"{name}: {text}" for text, missed in found.items() if missed]


@dataclass(frozen=True, slots=True)
class Sweep(Result):
    """One comparison of all records with the server: seconds, of the processor, bytes."""

    seconds: float
    cpu_seconds: float
    memory: int  # growth, at the peak


@dataclass(frozen=True, slots=True)
class Sweeps(Result):
    """The sweeps of two products in turns, each the median of some; and their requests."""

    items: int
    latency: int
    seconds: float
    cpu_seconds: float
    requests: int
    memory: int
    other_seconds: float
    other_cpu_seconds: float
    other_requests: int
    other_memory: int

    @property
    def ratio(self) -> float:
        """How many times as long ours takes."""
        return self.seconds / self.other_seconds

    @property
    def cpu_ratio(self) -> float:
        """How many times as long its process keeps a processor busy."""
        return self.cpu_seconds / self.other_cpu_seconds

    def misses(self) -> list[str]:
        """Say what is not good enough."""
        if self.ratio <= SWEEP:
            return []
        name = f"sweep of {self.items:,} items, {self.latency} ms"
        return [f"{name}: {self.ratio:.2f} times as long, allowed {SWEEP}"]


@dataclass(frozen=True, slots=True)
class Synced(Result):
    """Some items brought into line: seconds, of the processor, bytes."""

    items: int
    seconds: float
    cpu_seconds: float
    written: int
    memory: int  # growth, at the peak

    def __add__(self, other: Synced) -> Synced:
        """Give both together; memory is that of the larger."""
        return Synced(
            self.items + other.items,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.written + other.written,
            max(self.memory, other.memory),
        )


@dataclass(frozen=True, slots=True)
class Edits(Result):
    """The same items brought into line by two products in turns."""

    latency: str  # "none", "each": of each request, "writes": they queue for it
    first: bool
    ours: Synced
    theirs: Synced

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Decode."""
        data = json.loads(text)
        ours, theirs = Synced(**data.pop("ours")), Synced(**data.pop("theirs"))
        return cls(**data, ours=ours, theirs=theirs)

    def ratio(self, figure: str) -> float:
        """Give ours for each item as a share of the other's."""
        return float(getattr(self.ours, figure) / getattr(self.theirs, figure))

    def misses(self) -> list[str]:
        """Say what is not good enough."""
        rate = 1 / self.ratio("seconds")
        wanted = 1 / FIRST if self.first else RATES[self.latency]
        found = {
            f"{rate:.2f} times as many a second, wanted {wanted:.2f}": rate < wanted
        }
        if self.latency == "none":
            cpu, disk = self.ratio("cpu_seconds"), self.ratio("written")
            found |= {
                f"{cpu:.2f} times the processor time, allowed {CPU}": cpu > CPU,
                f"{disk:.2f} times the disk, allowed {DISK}": disk > DISK,
            }
        name = f"{self.ours.items:,} {'new' if self.first else 'changed'} items"
        return [f"{name}, {self.latency}: {text}" for text, bad in found.items() if bad]


@dataclass(frozen=True, slots=True)
class Polls(Result):
    """How soon edits arrived, in seconds; and what an hour of rest asked of Stash.

    The hours are pairs of requests and bytes, unpacked.
    """

    edits: int
    median: float
    p95: float
    worst: float
    idle: list[tuple[int, int]]
    bulk: list[tuple[int, int]]  # after a bulk edit

    def misses(self) -> list[str]:
        """Say what is not good enough."""
        first, *_, last = (requests for requests, _ in self.idle)
        found = {
            f"median {self.median:.1f} s, allowed {ARRIVES[0]}": self.median
            > ARRIVES[0],
            f"p95 {self.p95:.1f} s, allowed {ARRIVES[1]}": self.p95 > ARRIVES[1],
            f"{first} requests in an idle hour, allowed {IDLE[0]}": first > IDLE[0],
            f"{last} requests in a later one, allowed {IDLE[1]}": last > IDLE[1],
        }
        return [f"polls: {text}" for text, missed in found.items() if missed]
