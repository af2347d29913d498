"""What is done to Plex in a month: seeded spells of trouble, one after another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulators.plex import Faults, Rule
from tests.wire import Network

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0

_CALM = (12 * MINUTE, 4 * DAY)  # between two spells; the mean lies much lower


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trouble.

    ``rules`` are faults of the simulator, each with its share of the spell.
    ``down`` says that every request fails that work could begin with, ``cuts``
    that Plex's process goes, and every connection with it. Only trouble that
    ``breaks`` something may open the circuit. ``edits`` says that people go on.
    """

    name: str
    weight: int
    rules: tuple[tuple[float, str, Mapping[str, Any]], ...]
    seconds: tuple[float, float] = (MINUTE, 3 * HOUR)
    down: bool = False
    cuts: bool = False
    breaks: bool = True
    edits: bool = False


def _one(action: str, **spec: Any) -> tuple[tuple[float, str, Mapping[str, Any]], ...]:
    return ((1.0, action, spec),)


_LONG = (MINUTE, 6 * HOUR)
_LIBRARY = r"^/(?!identity)"  # who answers is no secret

KINDS = (
    Kind("refused", 4, _one("refuse"), _LONG, down=True, cuts=True),
    Kind("reset", 2, _one("reset_accept"), _LONG, down=True, cuts=True),
    Kind("silent", 3, _one("blackhole"), _LONG, down=True),
    Kind("maintenance", 3, _one("maintenance"), _LONG, down=True, cuts=True),
    Kind("database gone", 2, _one("db_down", mode="500"), down=True),
    Kind("database hangs", 2, _one("db_down", mode="hang"), down=True),
    Kind("dead behind a proxy", 3, _one("proxy_404"), _LONG, down=True, cuts=True),
    Kind(
        "restart",
        3,
        ((0.3, "refuse", {}), (0.3, "maintenance", {}), (0.4, "startup", {})),
        (40.0, 20 * MINUTE),
        cuts=True,
    ),
    Kind("writes hang", 2, _one("db_locked", mode="hang"), (MINUTE, HOUR)),
    Kind(
        "answers lost",
        2,
        (
            (1.0, "commit_then_drop", {"method": "PUT", "probability": 0.4}),
            (1.0, "reset_mid_body", {"probability": 0.05}),
        ),
        edits=True,
    ),
    Kind(
        "rate limited",
        2,
        _one("rate_limit", per_second=0.05, burst=3, retry_after=20),
        (2 * MINUTE, HOUR),
        edits=True,
    ),
    Kind(
        "slow",
        2,
        _one("slow", ms=500, jitter_ms=2500),
        breaks=False,
        edits=True,
    ),
    Kind(
        "token refused",
        2,
        _one("status", code=401, path=_LIBRARY),
        (2 * MINUTE, 8 * HOUR),
        breaks=False,
        edits=True,
    ),
    Kind("no notifications", 1, _one("ws_lost"), breaks=False, edits=True),
    Kind("flaps", 3, _one("refuse"), (3.0, 45.0), cuts=True),
)
_FLAPS = next(kind for kind in KINDS if kind.name == "flaps")


@dataclass(slots=True)
class Spell:
    """One spell of trouble, in virtual seconds."""

    kind: Kind
    start: float
    end: float
    rules: list[Rule] = field(default_factory=list)

    def begin(self, network: Network) -> None:
        """Let it come."""
        if self.kind.cuts:
            network.cut()
        elif self.kind.down:
            network.fall_silent()
        after, whole = 0.0, self.end - self.start
        shared = sum(share for share, _, _ in self.kind.rules) > 1
        for share, action, spec in self.kind.rules:
            self.rules.append(
                network.faults.add(action, after=after, duration=share * whole, **spec)
            )
            after += 0.0 if shared else share * whole

    def pass_over(self, faults: Faults) -> None:
        """Let it go."""
        for rule in self.rules:
            faults.remove(rule)


def forecast(random: Random, days: float) -> list[Spell]:
    """Make the spells of so many days; the first and the last hours are calm."""
    return list(_spells(random, days * DAY - 12 * HOUR))


def _spells(random: Random, until: float) -> Iterator[Spell]:
    now = HOUR + random.random() * 6 * HOUR
    while now < until:
        (kind,) = random.choices(KINDS, [kind.weight for kind in KINDS])
        for _ in range(random.randint(2, 12) if kind is _FLAPS else 1):
            seconds = _between(random, kind.seconds)
            yield Spell(kind, now, now + seconds)
            now += seconds + (random.uniform(4, 90) if kind is _FLAPS else 0)
        now += _between(random, _CALM)


def _between(random: Random, limits: tuple[float, float]) -> float:
    """Choose a length; short ones are as frequent as long ones are rare."""
    low, high = limits
    return float(low * (high / low) ** random.random())
