"""One fault rule: which requests it meets, and when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import math
import random
import re
from typing import Any

from .catalog import Catalog
from .messages import Request

_SECTION = re.compile(r"^/library/sections/(\d+)")
_METADATA = re.compile(r"^/library/(?:metadata|collections)/([\d,]+)")

WRITES = frozenset({"PUT", "POST", "DELETE"})
READS = frozenset({"GET", "HEAD"})

_MATCHERS = frozenset(
    {
        "method",
        "path",
        "section",
        "rating_key",
        "rows",
        "param",
        "where",
        "nth",
        "probability",
        "times",
        "after",
        "duration",
        "flap",
    }
)


@dataclass(slots=True, eq=False)
class Rule:
    """A matcher and an action; times are seconds on the core's clock."""

    action: str
    params: dict[str, Any]
    start: float
    end: float = math.inf
    methods: frozenset[str] = frozenset()
    path: re.Pattern[str] | None = None
    section: int | None = None
    rating_key: int | None = None
    rows: int | None = None
    """Only requests for more rows than this."""
    param: re.Pattern[str] | None = None
    """Only requests of which the name of a parameter matches."""
    where: Callable[[Request], bool] | None = None
    """Whatever else a request has to be; in process only."""
    nth: int | None = None
    probability: float = 1.0
    times: int | None = None
    flap: tuple[float, float] | None = None
    """Seconds of fault, then seconds without, over and over."""
    id: int = 0
    seen: int = 0
    fired: int = 0
    state: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, action: str, spec: Mapping[str, Any], now: float) -> Rule:
        """Read a rule off keyword arguments or JSON."""
        start = now + float(spec.get("after", 0))
        duration = spec.get("duration")
        flap = spec.get("flap")
        path, param = spec.get("path"), spec.get("param")
        method = str(spec.get("method", "")).upper()
        methods = {"WRITE": WRITES, "READ": READS, "": frozenset[str]()}.get(method)
        return cls(
            action=action,
            params={
                name: value for name, value in spec.items() if name not in _MATCHERS
            },
            start=start,
            end=math.inf if duration is None else start + float(duration),
            methods=frozenset(method.split(",")) if methods is None else methods,
            path=re.compile(path) if path else None,
            section=_int(spec.get("section")),
            rating_key=_int(spec.get("rating_key")),
            rows=_int(spec.get("rows")),
            param=re.compile(param) if param else None,
            where=spec.get("where"),
            nth=_int(spec.get("nth")),
            probability=float(spec.get("probability", 1.0)),
            times=_int(spec.get("times")),
            flap=None if flap is None else (float(flap[0]), float(flap[1])),
        )

    def active(self, now: float) -> bool:
        """Return whether the rule holds at this time."""
        if not self.start <= now < self.end or (
            self.times is not None and self.fired >= self.times
        ):
            return False
        return self.flap is None or (now - self.start) % sum(self.flap) < self.flap[0]

    def next_change(self, now: float) -> float | None:
        """Return when `active` may change next, whatever requests come."""
        if now < self.start:
            return self.start
        if now >= self.end:
            return None
        if self.flap is not None:
            phase = (now - self.start) % sum(self.flap)
            step = (
                self.flap[0] - phase if phase < self.flap[0] else sum(self.flap) - phase
            )
            return min(now + step, self.end)
        return None if math.isinf(self.end) else self.end

    def meets(
        self, request: Request, catalog: Catalog, now: float, rng: random.Random
    ) -> bool:
        """Return whether the rule fires for a request; counts what it sees."""
        if not self.active(now) or not self._matches(request, catalog):
            return False
        self.seen += 1
        if self.nth is not None and self.seen != self.nth:
            return False
        if self.probability < 1.0 and rng.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def _matches(self, request: Request, catalog: Catalog) -> bool:
        if self.methods and request.method not in self.methods:
            return False
        if self.path is not None and self.path.search(request.path) is None:
            return False
        if self.rows is not None and self.rows >= _wanted_rows(request):
            return False
        if self.rating_key is not None and self.rating_key not in named_keys(request):
            return False
        if self.param is not None and not any(
            self.param.search(name) for name, _ in request.query
        ):
            return False
        if self.where is not None and not self.where(request):
            return False
        return self.section is None or self.section in named_sections(request, catalog)

    def as_json(self) -> dict[str, Any]:
        """Return what the control port shows of a rule."""
        return {
            "id": self.id,
            "action": self.action,
            "params": {name: repr(value) for name, value in self.params.items()},
            "methods": sorted(self.methods),
            "path": self.path.pattern if self.path else None,
            "section": self.section,
            "rating_key": self.rating_key,
            "seen": self.seen,
            "fired": self.fired,
        }


def named_keys(request: Request) -> set[int]:
    """Return the rating keys that a request names."""
    found: set[int] = set()
    if match := _METADATA.match(request.path):
        found.update(int(piece) for piece in match[1].split(",") if piece)
    for name in ("id", "key"):
        if raw := request.param(name):
            found.update(int(piece) for piece in raw.split(",") if piece.isdecimal())
    return found


def named_sections(request: Request, catalog: Catalog) -> set[int]:
    """Return the libraries that a request is about."""
    found: set[int] = set()
    if match := _SECTION.match(request.path):
        found.add(int(match[1]))
    if (raw := request.param("sectionId")) and raw.isdecimal():
        found.add(int(raw))
    for key in named_keys(request):
        if (item := catalog.items.get(key)) is not None:
            found.add(item.section.key)
    return found


def _wanted_rows(request: Request) -> int:
    raw = request.header("X-Plex-Container-Size") or ""
    return int(raw) if raw.isdecimal() else 0


def _int(raw: Any) -> int | None:
    return None if raw is None else int(raw)
