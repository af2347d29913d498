"""Everything that can go wrong, as rules that are set, timed and counted."""

from collections.abc import Callable, Mapping
import json
import re
from typing import Any

from .actions import (
    ONCE_ACTIONS,
    REQUEST_ACTIONS,
    STATE_ACTIONS,
    Context,
    Ending,
    Verdict,
)
from .core import PlexCore
from .events import Event
from .messages import Request, Response
from .rules import Rule

__all__ = ["Ending", "Faults", "Rule", "Verdict"]

_STEP = re.compile(
    r"^t=(?P<at>[\d.]+)\s+(?P<action>\w+)(?:\s+(?P<seconds>[\d.]+)\s*s)?(?P<rest>(?:\s+\w+=\S+)*)$"
)


class Faults:
    """The rules in force; pure apart from what the rules do to the core.

    Whoever stands between client and core asks `refusing` before a connection and `judge` for
    each request, waits as the verdict says, calls `answer`, and treats the connection as
    `verdict.ending` says. `PlexSimulator` does it on real sockets.
    """

    def __init__(self, core: PlexCore) -> None:
        """Start with no fault."""
        self._core = core
        self._rules: list[Rule] = []
        self._next_id = 1
        self._held_back: Event | None = None
        self.on_change: Callable[[], None] | None = None
        """Called when rules come or go, so that a server can act at once."""

    # Rules

    def add(self, action: str | Mapping[str, Any], **spec: Any) -> Rule:
        """Set a fault.

        Matchers, all optional: `method` ("PUT", "PUT,POST", "write", "read"), `path` (regex,
        searched), `section`, `rating_key`, `rows` (more are asked for at once), `param` (regex, searched in the names of the
        query: `^studio` and `status` with `code=409` refuse a field, and the PUT with it), `where` (any
        function of the request), `nth` (only the nth match fires), `probability`, `times` (fires
        so often at most), `after` and `duration` (seconds), `flap` ((on, off) seconds). Everything
        else is a parameter of the action.
        """
        if isinstance(action, Mapping):
            spec = {**action, **spec}
            action = str(spec.pop("action"))
        if action == "flap":
            up, down = float(spec.pop("up", 1)), float(spec.pop("down", 1))
            action, spec["flap"] = "refuse", (down, up)
        rule = Rule.build(action, spec, self._core.clock())
        unknown = rule.params.keys() - _parameters(action)
        if unknown:
            raise ValueError(f"{action} takes no {', '.join(sorted(unknown))}")
        rule.id = self._next_id
        self._next_id += 1
        self._rules.append(rule)
        self._changed()
        return rule

    def remove(self, rule: Rule | int) -> None:
        """Take a fault away."""
        number = rule if isinstance(rule, int) else rule.id
        self._rules = [kept for kept in self._rules if kept.id != number]
        self._changed()

    def clear(self) -> None:
        """Take all faults away."""
        self._rules.clear()
        self._held_back = None
        self._changed()

    def script(self, text: str) -> list[Rule]:
        """Set a timeline: `t=0 ok; t=10 db_locked 60 s mode=hang; t=70 startup 30 s`; `ok` ends what runs."""
        steps = [piece.strip() for piece in text.split(";") if piece.strip()]
        rules: list[Rule] = []
        origin = self._core.clock()
        for step in steps:
            if (match := _STEP.match(step)) is None:
                raise ValueError(f"not a step: {step}")
            at = float(match["at"])
            if match["action"] == "ok":
                for rule in rules:
                    rule.end = min(rule.end, origin + at)
                continue
            pairs = (pair.split("=", 1) for pair in match["rest"].split())
            spec: dict[str, Any] = {name: _typed(text) for name, text in pairs}
            if match["seconds"]:
                spec["duration"] = float(match["seconds"])
            rules.append(self.add(match["action"], after=at, **spec))
        self._changed()
        return rules

    @property
    def rules(self) -> list[Rule]:
        """Return the rules, in order."""
        return list(self._rules)

    # Time

    def refusing(self) -> bool:
        """Return whether the port is closed now."""
        return self._any("refuse")

    def resetting(self) -> bool:
        """Return whether connections are reset as soon as they are accepted."""
        return self._any("reset_accept")

    def next_change(self) -> float | None:
        """Return when a rule starts or ends next, by the core's clock."""
        now = self._core.clock()
        changes = [
            change
            for rule in self._rules
            if (change := rule.next_change(now)) is not None
        ]
        return min(changes, default=None)

    def tick(self) -> list[Rule]:
        """Do what is due by time; return the orders about websockets, which only a server can follow."""
        now = self._core.clock()
        orders = []
        for rule in self._rules:
            if (
                rule.action in ONCE_ACTIONS
                and not _waits_for_request(rule)
                and self._due(rule, now)
            ):
                rule.fired += 1
                if rule.action.startswith("ws_"):
                    orders.append(rule)
                else:
                    self._once(rule)
        self._core.catalog.skew = sum(
            float(rule.params.get("seconds", 0))
            for rule in self._rules
            if rule.action == "clock_skew" and rule.active(now)
        )
        return orders

    # Requests

    def judge(self, request: Request, in_flight: int = 0) -> Verdict:
        """Return what becomes of a request."""
        self.tick()
        verdict = Verdict()
        context = Context(self._core.clock(), in_flight, self._core.rng)
        for rule in tuple(self._rules):
            action = REQUEST_ACTIONS.get(rule.action)
            if action is None:
                if (
                    rule.action in ONCE_ACTIONS
                    and _waits_for_request(rule)
                    and not rule.fired
                ):
                    if self._meets(rule, request, context):
                        self._once(rule)
                        verdict.names.append(rule.action)
            elif action.applies(rule, request) and self._meets(rule, request, context):
                action.run(rule, request, verdict, context)
                verdict.names.append(rule.action)
        return verdict

    def holds(self, verdict: Verdict) -> bool:
        """Return whether a verdict's hold is still on."""
        rule = verdict.hold
        return (
            rule is not None and rule in self._rules and rule.active(self._core.clock())
        )

    def answer(self, request: Request, verdict: Verdict) -> Response:
        """Let the core handle what the verdict leaves of a request."""
        response: Response | None = None
        if verdict.apply:
            response = self._handle(request, verdict)
        if verdict.response is not None:
            response = verdict.response
        if response is None:
            response = Response(0)
        for transform in verdict.transforms:
            response = transform(response)
        if verdict.names:
            own = [response.outcome] if response.outcome else []
            response.outcome = " ".join(own + verdict.names)
        return response

    def deliver(self, event: Event) -> list[Event]:
        """Return what reaches a websocket of one event."""
        now = self._core.clock()
        events = [event]
        for rule in self._rules:
            if (
                not rule.action.startswith("ws_")
                or rule.action not in STATE_ACTIONS
                or not rule.active(now)
            ):
                continue
            rule.fired += 1
            if rule.action in ("ws_lost", "ws_silent"):
                return []
            if rule.action == "ws_dup":
                events = events * 2
            elif self._held_back is None:
                self._held_back = events[0]
                return []
        if self._held_back is not None:
            events.append(self._held_back)
            self._held_back = None
        return events

    def _handle(self, request: Request, verdict: Verdict) -> Response:
        identity = self._core.identity
        before = (
            identity.start_state,
            identity.machine_identifier,
            identity.hide_sections,
        )
        identity.start_state = verdict.start_state or identity.start_state
        identity.machine_identifier = (
            verdict.machine_identifier or identity.machine_identifier
        )
        identity.hide_sections = verdict.hide_sections or identity.hide_sections
        try:
            return self._core.handle(request)
        finally:
            (
                identity.start_state,
                identity.machine_identifier,
                identity.hide_sections,
            ) = before

    def _meets(self, rule: Rule, request: Request, context: Context) -> bool:
        return rule.meets(request, self._core.catalog, context.now, self._core.rng)

    def _due(self, rule: Rule, now: float) -> bool:
        return not rule.fired and rule.active(now)

    def _once(self, rule: Rule) -> None:
        if rule.action == "rekey":
            self._core.rekey(int(rule.params["item"]))
            return
        section = self._core.sections[int(rule.params["library"])]
        if rule.action == "mount":
            self._core.mount(section)
        else:
            self._core.unmount(section, vanish=bool(rule.params.get("vanish")))

    def _any(self, action: str) -> bool:
        now = self._core.clock()
        return any(rule.action == action and rule.active(now) for rule in self._rules)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def _typed(text: str) -> Any:
    """Read a value of a script: numbers and booleans as such, all else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parameters(action: str) -> frozenset[str]:
    if action in REQUEST_ACTIONS:
        return REQUEST_ACTIONS[action].params
    found = STATE_ACTIONS.get(action, ONCE_ACTIONS.get(action))
    if found is None:
        raise ValueError(f"unknown fault {action}")
    return found


def _waits_for_request(rule: Rule) -> bool:
    return bool(rule.methods) or rule.path is not None or rule.rating_key is not None
