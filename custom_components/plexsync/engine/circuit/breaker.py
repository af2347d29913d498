"""The circuit breaker: a pure state machine.

It does no I/O and reads no clock: monotonic seconds come in as ``now``. Its host
(``circuit.py``) saves it, probes for it and tells the world.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
from random import Random
from typing import Any

from ..model.faults import Backoff, around, later
from .validation import read_count, read_time

FORMAT = 1


class State(StrEnum):
    """The circuit's state."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Result(StrEnum):
    """What a trial, or a probe, says of the server."""

    SUCCESS = "success"  # an edit or an upload went well; a probe passed
    QUIET = "quiet"  # a trial that had nothing to write
    FAILURE = "failure"
    NEUTRAL = "neutral"  # cancelled, our own fault, an auth matter, or a mere read


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """The right to call. A trial's is used once, and void in a later generation."""

    trial: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and delays; times in seconds."""

    failures: int = 5  # in a row, to open
    first_delay: float = 5.0
    cap: float = 60.0
    jitter: float = 0.2  # either way, so no delay exceeds cap * 1.2
    lease: float = 600.0  # longer than all calls of one job; only a bug outlives it
    retry_after_cap: float = 600.0
    throttled_for: float = 300.0  # that long asked to slow down is an outage
    throttled: float = 1.0  # first wait where the server does not say how long
    refused: float = 5.0  # until access is tried again after a refusal
    # Once the owner has been asked, waits grow from a fifth of this to twice as much.
    held: float = 300.0

    @property
    def longest(self) -> float:
        """The longest wait between two probes."""
        return self.cap * (1 + self.jitter)


class Breaker:
    """Decide whether a call may reach the server.

    Every start, reopening and ``reset`` is followed by a probe before the next
    job. Open admits nothing; half open one trial at a time; news from an earlier
    generation changes nothing; a trial past its lease counts as a failure.
    """

    def __init__(self, random: Random, policy: Policy | None = None) -> None:
        """Start closed, to be verified by a probe before the first call."""
        self._random = random
        self.policy = policy or Policy()
        self.state = State.CLOSED
        self.generation = 0
        self.quiet = False  # a trial had nothing to write
        self.step = 0  # how often the delay has grown
        self.verified = False
        self.next_probe: float | None = None  # monotonic; while open
        self.not_before = -math.inf  # the server asked us to wait until then
        self._throttles = 0  # how often it asked since an edit went well
        self._throttled_since = 0.0
        self._trial: Permit | None = None  # the one under way
        self._lease = 0.0  # the end of its lease
        self._probe: int | None = None  # generation of the probe under way
        self._void = False  # it began before the last doubt
        self._wait = 0.0  # how long the wait for ``next_probe`` was meant to be

    @property
    def throttled(self) -> bool:
        """Whether the server asked us to slow down, and no edit went well since."""
        return self._throttles > 0

    @property
    def found_well(self) -> bool:
        """Whether the last look found the server well, and nothing was in doubt since."""
        return self.verified and self.state is not State.OPEN

    # -- calls ---------------------------------------------------------------

    def admit(self, now: float) -> Permit | None:
        """Return a permit, or None: not now."""
        self.expire(now)
        if not self.found_well or now < self.not_before:
            return None
        if self.state is State.CLOSED:
            return Permit(trial=False)
        if self._trial is not None:
            return None
        self._trial, self._lease = Permit(trial=True), now + self.policy.lease
        return self._trial

    def end_trial(self, permit: Permit, result: Result, now: float) -> None:
        """Take a permit back with what it found, if it is that of the trial under way."""
        if permit is not self._trial:
            return
        self._trial = None
        if result is Result.SUCCESS:
            self._move(State.CLOSED)
        elif result is Result.QUIET:
            self.quiet = True
        elif result is Result.FAILURE:
            self.trip(now)

    def worked(self) -> None:
        """Note that an edit went well: the next request to slow down counts as the first."""
        self._throttles = 0

    def trip(self, now: float, retry_after: float | None = None) -> None:
        """Open now, unless it is open: the server itself is in trouble."""
        if self.state is not State.OPEN:
            self._open(now, retry_after)

    def throttle(self, now: float, retry_after: float | None) -> bool:
        """Let all calls wait as the server asks; for too long that is an outage.

        Return whether it is the first time, or was long over.
        """
        if self.state is State.OPEN:
            return False
        over = now - self.not_before > self.policy.throttled_for
        if begins := not self._throttles or over:
            self._throttled_since, self._throttles = now, 0
        lasting = now - self._throttled_since >= self.policy.throttled_for
        if lasting or self.state is State.HALF_OPEN:
            self.trip(now, retry_after)
            return begins
        asked = retry_after
        if asked is None or asked < self.policy.throttled:  # or a date that is over
            waits = Backoff(self.policy.throttled, self.policy.cap)
            asked = waits.whole(self._throttles)
        self._throttles += 1
        wait = min(asked, self.policy.retry_after_cap)
        self.not_before = max(self.not_before, now + wait)
        return begins

    def doubt(self) -> None:
        """Let nobody call before a probe has passed that begins after now."""
        self.verified, self._void = False, True

    def expire(self, now: float) -> None:
        """Count a trial that was forgotten as failed."""
        if self._trial is not None and now >= self._lease:
            self.end_trial(self._trial, Result.FAILURE, now)

    def finish_trials(self) -> None:
        """Close on a trial that had nothing to write, as no job is left to try.

        Not before the probe that is wanted: what was seen before a restart proves
        nothing of today.
        """
        if (
            self.state is State.HALF_OPEN
            and self.verified
            and self.quiet
            and self._trial is None
        ):
            self._move(State.CLOSED)

    # -- probes --------------------------------------------------------------

    def probe_at(self, now: float) -> float | None:
        """Return the time of the next probe, None when none is wanted."""
        if self._probe is not None:
            return None
        if self.state is State.OPEN:
            return self.next_probe
        return None if self.verified else now

    def hurry(self, now: float) -> None:
        """Bring the probe forward: there is a sign of life."""
        if self.state is State.OPEN:
            self.next_probe, self._wait = now, 0.0

    def begin_probe(self) -> int:
        """Mark a probe as under way; return the token for ``end_probe``."""
        self._probe, self._void = self.generation, False
        return self.generation

    def end_probe(
        self,
        token: int,
        result: Result,
        now: float,
        *,
        retry_after: float | None = None,
    ) -> None:
        """Take in what a probe found; one from an earlier generation is void."""
        if token != self.generation:
            return  # and another one may be under way
        self._probe = None
        if result is Result.NEUTRAL:
            if self.state is State.OPEN:
                self._schedule(now, None)
            return
        if result is not Result.SUCCESS:
            self._open(now, retry_after)
        elif self.state is State.OPEN:
            self._move(State.HALF_OPEN)
        elif not self._void:
            self.verified = True

    # -- by hand -------------------------------------------------------------

    def reset(self) -> None:
        """Close, forget counts and backoff, and verify before the next job."""
        self._move(State.CLOSED)
        self.verified = False

    # -- transitions ---------------------------------------------------------

    def _move(self, state: State) -> None:
        self.state = state
        self.generation += 1
        self._trial = None
        self._probe = None
        self.quiet = False
        self.next_probe = None
        self.not_before = -math.inf
        self._throttles = 0
        self.verified = True
        if state is State.CLOSED:
            self.step = 0

    def _open(self, now: float, retry_after: float | None) -> None:
        if self.state is not State.CLOSED:
            # Past the cap the step would only grow for ever.
            self.step = min(self.step + 1, 60)
        self._move(State.OPEN)
        self._schedule(now, retry_after)

    def _schedule(self, now: float, retry_after: float | None) -> None:
        policy = self.policy
        delay = Backoff(policy.first_delay, policy.cap).whole(self.step)
        delay = around(delay, policy.jitter, self._random)
        if retry_after is not None:
            # Never earlier than asked, and a little later, so as not to be first in line.
            asked = min(retry_after, policy.retry_after_cap)
            delay = max(delay, later(asked, self._random))
        self._wait = delay
        self.next_probe = now + delay

    # -- memory --------------------------------------------------------------

    def snapshot(self, now: float, wall: float) -> dict[str, Any]:
        """Describe the state for the store; the probe's time as seconds since the epoch."""
        return {
            "format": FORMAT,
            "state": str(self.state),
            "generation": self.generation,
            "quiet": self.quiet,
            "step": self.step,
            "probe_at": None
            if self.next_probe is None
            else wall + self.next_probe - now,
            "wait": None if self.next_probe is None else self._wait,
        }

    def restore(self, data: Mapping[str, Any], now: float, wall: float) -> None:
        """Take up a snapshot; permits are gone and a probe precedes the first job.

        Raises ValueError when anything in it is not as ``snapshot`` writes it; the
        breaker then stays as it was. Whatever the clock did meanwhile, the rest of a
        wait is never longer than all of it was.
        """
        if data.get("format") != FORMAT:
            raise ValueError("unknown format")
        state = State(str(data.get("state")))
        generation = read_count(data.get("generation"))
        step = read_count(data.get("step"))
        # 0.1.0 counted its trials, and knew none that were quiet.
        quiet = data.get("quiet", False if "successes" in data else None)
        if not isinstance(quiet, bool):
            raise ValueError("quiet is no truth value")  # noqa: TRY004  # as below
        if step > 60:
            raise ValueError("count out of range")
        next_probe, whole = None, 0.0
        if state is State.OPEN:
            whole = read_time(data.get("wait"))
            at = read_time(data.get("probe_at"))
            if whole > max(self.policy.longest, self.policy.retry_after_cap * 1.1):
                raise ValueError("wait out of range")
            next_probe = now + min(max(0.0, at - wall), whole)
        self.state, self.generation = state, generation
        self.quiet, self.step = quiet, step
        self.next_probe, self._wait = next_probe, whole
        self.verified = False
        self._probe = self._trial = None
