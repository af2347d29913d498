"""What each fault does to a request; §5.5 of the reference names them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import random
from typing import Literal

from .messages import (
    HTML_TYPE,
    JSON_TYPE,
    STARTING_TEXT,
    XML_TYPE,
    Request,
    Response,
    error_response,
    html_page,
    plex_headers,
)
from .rules import Rule

MIGRATION = (
    b'<Response code="503" title="Maintenance" '
    b'status="Plex Media Server is currently running database migrations."/>'
)

_LOGIN = b'<html><head><title>Sign in</title></head><body><form action="/login" method="post"></form></body></html>'
_FOREIGN = b'<?xml version="1.0"?><device><name>Not a Plex</name></device>'

EndingKind = Literal["reset", "fin", "cut_fin", "cut_reset", "drip", "hang", "kill"]


@dataclass(slots=True)
class Ending:
    """How the connection is treated instead of a whole answer.

    `reset` and `fin` close it with no byte sent; `cut_*` after `size` bytes of the body that
    the head promised (half of it by default); `drip` sends `rate` bytes a second; `hang` sends
    nothing for `seconds`; `kill` takes the whole server down.
    """

    kind: EndingKind
    size: int | None = None
    rate: float = 0.0
    seconds: float | None = None


@dataclass(slots=True)
class Verdict:
    """What the faults make of one request; the one who performs it sleeps and holds first."""

    delay: float = 0.0
    """Seconds to wait before anything else."""
    hold: Rule | None = None
    """Wait until this rule is no longer active: a write behind a locked database."""
    apply: bool = True
    """Whether the request has its effect."""
    response: Response | None = None
    """The answer instead of the server's own."""
    ending: Ending | None = None
    transforms: list[Callable[[Response], Response]] = field(default_factory=list)
    start_state: str | None = None
    machine_identifier: str | None = None
    hide_sections: bool = False
    names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Context:
    """What an action may look at beside the request."""

    now: float
    in_flight: int
    rng: random.Random


Run = Callable[[Rule, Request, Verdict, Context], None]
Applies = Callable[[Rule, Request], bool]


def _always(rule: Rule, request: Request) -> bool:
    return True


def _not_identity(rule: Rule, request: Request) -> bool:
    return request.path != "/identity"


def _writes(rule: Rule, request: Request) -> bool:
    return request.is_write


def _locked(rule: Rule, request: Request) -> bool:
    return request.is_write or bool(rule.params.get("reads_ms"))


def _poisoned(rule: Rule, request: Request) -> bool:
    return request.is_write or bool(rule.params.get("reads"))


def _socket(rule: Rule, request: Request) -> bool:
    return "/:/websocket" in request.path or "/:/eventsource" in request.path


@dataclass(slots=True, frozen=True)
class Action:
    """An action, the parameters it takes, and the requests it can apply to."""

    run: Run
    params: frozenset[str]
    applies: Applies = _always


def _answer(
    verdict: Verdict, response: Response, rule: Rule, *, applied: bool = False
) -> None:
    """Answer with something else; `apply: true` lets the request have its effect all the same."""
    verdict.response = verdict.response or response
    verdict.apply = verdict.apply and bool(rule.params.get("apply", applied))


def _end(verdict: Verdict, ending: Ending, rule: Rule, *, applied: bool) -> None:
    verdict.ending = verdict.ending or ending
    verdict.apply = verdict.apply and bool(rule.params.get("apply", applied))


def _status(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    code = int(rule.params.get("code", 500))
    # Gateways answer for a dead Plex; what Plex says itself carries its header.
    plex = bool(
        rule.params.get("plex", code not in (413, 414, 502, 504) and code < 520)
    )
    response = error_response(code, plex=plex)
    if (body := rule.params.get("body")) is not None:
        response.body = str(body).encode()
    if (kind := rule.params.get("content_type")) is not None:
        response.headers["Content-Type"] = str(kind)
    if (wait := rule.params.get("retry_after")) is not None:
        response.headers["Retry-After"] = str(wait)
    response.headers |= {
        str(k): str(v) for k, v in dict(rule.params.get("headers", {})).items()
    }
    _answer(verdict, response, rule)


def _fixed_status(code: int) -> Run:
    def run(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
        _answer(verdict, error_response(code), rule)

    return run


def _starting_400(
    rule: Rule, request: Request, verdict: Verdict, context: Context
) -> None:
    _answer(verdict, error_response(400, STARTING_TEXT), rule)


def _proxy_404(
    rule: Rule, request: Request, verdict: Verdict, context: Context
) -> None:
    _answer(verdict, error_response(404, plex=False), rule)


def _maintenance(
    rule: Rule, request: Request, verdict: Verdict, context: Context
) -> None:
    headers = {"Content-Type": XML_TYPE} | plex_headers()
    _answer(
        verdict, Response(int(rule.params.get("code", 503)), headers, MIGRATION), rule
    )


def _startup(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    verdict.start_state = str(rule.params.get("state", "startingPlugins"))


def _impostor(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    if rule.params.get("empty_sections"):
        verdict.hide_sections = True
    else:
        verdict.machine_identifier = str(
            rule.params.get("machine_identifier", "impostor")
        )


def _redirect(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    if request.path == "/login":
        _answer(verdict, Response(200, {"Content-Type": HTML_TYPE}, _LOGIN), rule)
        return
    location = str(rule.params.get("location", "/login"))
    _answer(
        verdict, Response(302, {"Content-Type": HTML_TYPE, "Location": location}), rule
    )


def _database(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    if rule.action == "db_down":
        if rule.params.get("mode") == "hang":
            verdict.hold = rule
        _answer(verdict, error_response(500), rule)
    elif not request.is_write:
        verdict.delay += float(rule.params.get("reads_ms", 0)) / 1000
    elif rule.params.get("mode", "hang") == "hang":
        # The write waits for the lock and goes through then, whether anybody still listens or not.
        verdict.hold = rule
    else:
        _answer(verdict, error_response(500), rule)


def _rate_limit(
    rule: Rule, request: Request, verdict: Verdict, context: Context
) -> None:
    per_second = float(rule.params.get("per_second", 1))
    burst = float(rule.params.get("burst", max(1.0, per_second)))
    before, left = rule.state.get("bucket", (context.now, burst))
    left = min(burst, left + (context.now - before) * per_second)
    rule.state["bucket"] = (context.now, left - 1 if left >= 1 else left)
    if left < 1:
        response = error_response(429)
        response.headers["Retry-After"] = str(rule.params.get("retry_after", 1))
        _answer(verdict, response, rule)


def _overload(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    if context.in_flight > int(rule.params.get("queue", 0)):
        _answer(verdict, error_response(503), rule)


def _slow(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    jitter = float(rule.params.get("jitter_ms", 0)) * context.rng.random()
    verdict.delay += (float(rule.params.get("ms", 1000)) + jitter) / 1000


def _drip(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    _end(
        verdict,
        Ending("drip", rate=float(rule.params.get("rate", 1))),
        rule,
        applied=True,
    )


def _blackhole(
    rule: Rule, request: Request, verdict: Verdict, context: Context
) -> None:
    _end(
        verdict, Ending("hang", seconds=rule.params.get("seconds")), rule, applied=False
    )


def _closing(kind: EndingKind, *, applied: bool) -> Run:
    def run(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
        size = rule.params.get("size")
        _end(
            verdict,
            Ending(kind, None if size is None else int(size)),
            rule,
            applied=applied,
        )

    return run


def _commit_then_drop(
    rule: Rule, request: Request, verdict: Verdict, context: Context
) -> None:
    kind: EndingKind = "reset" if rule.params.get("how") == "reset" else "fin"
    _end(verdict, Ending(kind), rule, applied=True)


def _kill(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
    after = rule.params.get("when", "before") == "after"
    _end(verdict, Ending("kill"), rule, applied=after)


def _body(change: Callable[[Response, Rule], Response], *, applied: bool) -> Run:
    def run(rule: Rule, request: Request, verdict: Verdict, context: Context) -> None:
        if rule.params.get("apply", applied):
            verdict.transforms.append(lambda response: change(response, rule))
        else:
            verdict.apply = False
            verdict.response = verdict.response or change(Response(), rule)

    return run


def _truncated(response: Response, rule: Rule) -> Response:
    return replace(
        response,
        body=response.body[: int(rule.params.get("size", len(response.body) // 2))],
    )


def _replaced(kind: str, body: bytes) -> Callable[[Response, Rule], Response]:
    return lambda response, rule: Response(200, {"Content-Type": kind}, body)


_STATUS_PARAMS = frozenset(
    {"code", "body", "content_type", "retry_after", "headers", "plex", "apply"}
)
_CUT = frozenset({"size", "apply"})
_APPLY = frozenset({"apply"})

# Faults of single requests.
REQUEST_ACTIONS: dict[str, Action] = {
    "status": Action(_status, _STATUS_PARAMS),
    "starting_400": Action(_starting_400, _APPLY, _writes),
    "proxy_404": Action(_proxy_404, _APPLY),
    "maintenance": Action(_maintenance, frozenset({"code"})),
    "startup": Action(_startup, frozenset({"state"})),
    "impostor": Action(_impostor, frozenset({"machine_identifier", "empty_sections"})),
    "redirect_login": Action(_redirect, frozenset({"location", "apply"})),
    "db_locked": Action(_database, frozenset({"mode", "reads_ms", "apply"}), _locked),
    "db_down": Action(_database, frozenset({"mode"}), _not_identity),
    "section_corrupt": Action(_fixed_status(500), _APPLY),
    "poison": Action(_fixed_status(500), frozenset({"reads", "apply"}), _poisoned),
    "rate_limit": Action(
        _rate_limit, frozenset({"per_second", "burst", "retry_after", "apply"})
    ),
    "overload": Action(_overload, frozenset({"queue", "apply"})),
    "slow": Action(_slow, frozenset({"ms", "jitter_ms"})),
    "drip": Action(_drip, frozenset({"rate", "apply"})),
    "blackhole": Action(_blackhole, frozenset({"seconds", "apply"})),
    "reset_before": Action(_closing("reset", applied=False), _APPLY),
    "fin_early": Action(_closing("fin", applied=False), _APPLY),
    "short_body": Action(_closing("cut_fin", applied=True), _CUT),
    "reset_mid_body": Action(_closing("cut_reset", applied=True), _CUT),
    "commit_then_drop": Action(_commit_then_drop, frozenset({"how"})),
    "kill": Action(_kill, frozenset({"when"})),
    "truncate": Action(_body(_truncated, applied=True), _CUT),
    "garbage": Action(
        _body(_replaced(XML_TYPE, b"\x00\xff<Media\x01\xfe\x80"), applied=True), _APPLY
    ),
    "empty200": Action(_body(_replaced(HTML_TYPE, b""), applied=True), _APPLY),
    "html200": Action(
        _body(_replaced(HTML_TYPE, html_page(200, "It works!")), applied=False), _APPLY
    ),
    "json200": Action(
        _body(_replaced(JSON_TYPE, b'{"status":"ok"}'), applied=False), _APPLY
    ),
    "wrong_xml": Action(_body(_replaced(XML_TYPE, _FOREIGN), applied=False), _APPLY),
    "ws_503": Action(_fixed_status(503), frozenset(), _socket),
    "ws_401": Action(_fixed_status(401), frozenset(), _socket),
}

# Faults of the server as a whole, while they are active.
STATE_ACTIONS: dict[str, frozenset[str]] = {
    "refuse": frozenset(),
    "flap": frozenset({"up", "down"}),
    "reset_accept": frozenset(),
    "clock_skew": frozenset({"seconds"}),
    "ws_lost": frozenset(),
    "ws_dup": frozenset(),
    "ws_reorder": frozenset(),
    "ws_silent": frozenset(),
}

# Things that happen once, at their time or when a request meets their matcher.
ONCE_ACTIONS: dict[str, frozenset[str]] = {
    "rekey": frozenset({"item"}),
    "unmount": frozenset({"library", "vanish"}),
    "mount": frozenset({"library"}),
    "ws_drop": frozenset(),
    "ws_close": frozenset({"code"}),
}
