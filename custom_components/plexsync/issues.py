"""Repairs: what only the owner can fix, shown until it is fixed."""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlencode

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_LIBRARIES, DOMAIN
from .engine.calls.bulkheads import REASONS, group_of
from .engine.jobs.source_holds import Holds
from .engine.model.holds import BY_LOOK, Hold, SourceHold
from .engine.model.reasons import Reason

CIRCUIT_LOST: Final = "circuit_lost"
DATABASE_FAILS: Final = "database_fails"
DATABASE_LOST: Final = "database_lost"
FAILED_JOBS: Final = "failed_jobs"
LEDGER_LOST: Final = "ledger_lost"
LIBRARY_GONE: Final = "library_gone"
LONG_OUTAGE: Final = "long_outage"
MASS_CHANGE: Final = "mass_change"
PREVIEW_READY: Final = "preview_ready"
PLEX_ENTRY_GONE: Final = "plex_entry_gone"
PLEX_REFUSES: Final = "plex_refuses"
SOURCE_AUTH: Final = "source_auth"
SOURCE_CERTIFICATE: Final = "source_certificate"
SOURCE_LACKS: Final = "source_lacks"
SOURCE_PATHS: Final = "source_paths"
STORAGE_TOO_NEW: Final = "storage_too_new"
STORE_FAILED: Final = "store_failed"
WRONG_SERVER: Final = "wrong_server"

BY_HOLD: Final = {
    Hold.LEDGER: LEDGER_LOST,
    Hold.LIBRARY: LIBRARY_GONE,
    Hold.WRONG_SERVER: WRONG_SERVER,
}
# The holds of a source that end with the owner's answer.
BY_SOURCE_HOLD: Final = {
    SourceHold.FIRST_PLAN: PREVIEW_READY,
    SourceHold.MASS_CHANGE: MASS_CHANGE,
}
# Faults of a source that do not pass by themselves.
BY_FAULT: Final = {
    "certificate": SOURCE_CERTIFICATE,
    "needs_migration": "source_migration",
    "schema": "source_schema",
    "setup": "source_setup",
    "tripwire": "source_tripwire",
    Reason.UNAUTHORIZED: SOURCE_AUTH,
}
# One repair for each group of calls to Plex.
BY_GROUP: Final = {
    group: reason
    for group, reason in REASONS.items()
    if group not in ("source", "address")
}
LONG_FOR: Final = 86_400.0  # seconds after which an outage is a long one
FAILING_FOR: Final = 600.0  # seconds; most failures are over before that
FIXABLE: Final = frozenset(
    {
        CIRCUIT_LOST,
        DATABASE_LOST,
        FAILED_JOBS,
        LEDGER_LOST,
        LIBRARY_GONE,
        PLEX_ENTRY_GONE,
        SOURCE_AUTH,
        SOURCE_CERTIFICATE,
        WRONG_SERVER,
        *BY_SOURCE_HOLD.values(),
    }
)
# These lead to the review page, to what it shows of the same server and source.
_LEADING: Final = frozenset({FAILED_JOBS, PREVIEW_READY})
# These are raised only once, so they stay until they are read.
_PERSISTENT: Final = frozenset({CIRCUIT_LOST, DATABASE_LOST})
# Syncing continues, at least in part.
_WARNINGS: Final = frozenset(
    {
        *_PERSISTENT,
        FAILED_JOBS,
        LONG_OUTAGE,
        SOURCE_LACKS,
        SOURCE_PATHS,
        STORE_FAILED,
        *BY_GROUP.values(),
        *BY_SOURCE_HOLD.values(),
    }
)


@callback
def async_follow(
    hass: HomeAssistant,
    entry: ConfigEntry,
    key: str,
    source: str | None = None,
    *,
    present: bool,
    **shown: str,
) -> None:
    """Raise a repair, or renew what it shows, while its cause is there; else remove it."""
    if not present:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, key, source))
        return
    placeholders = {"name": entry.title, **shown}
    query = {"config_entry": entry.entry_id}
    if source is not None:
        placeholders["source"] = entry.subentries[source].title
        query["source"] = source
    if key in _LEADING:
        placeholders["query"] = urlencode(query)
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry, key, source),
        data={"entry_id": entry.entry_id, "source": source},
        is_fixable=key in FIXABLE,
        is_persistent=key in _PERSISTENT,
        severity=ir.IssueSeverity.WARNING
        if key in _WARNINGS
        else ir.IssueSeverity.ERROR,
        translation_key=key,
        translation_placeholders=placeholders,
    )


@callback
def async_follow_holds(
    hass: HomeAssistant,
    entry: ConfigEntry,
    holds: Collection[Hold],
    *,
    found_well: bool,
) -> None:
    """Raise a repair for each hold of the worker, and remove those of past holds.

    Until Plex is ``found_well``, it is unknown whether the holds that only a probe can see
    still apply, so their repairs stay. Removing a repair and raising it again would make
    Home Assistant forget that the owner chose to ignore it.
    """
    for hold, key in BY_HOLD.items():
        if hold in holds or found_well or hold not in BY_LOOK:
            async_follow(hass, entry, key, present=hold in holds)


@callback
def async_waits_for_a_look(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether there is a repair that stays until Plex is probed.

    One of the last run that was not raised again is another reason to probe.
    """
    keys = (PLEX_REFUSES, *(BY_HOLD[hold] for hold in BY_LOOK if hold in BY_HOLD))
    return any(_issue(hass, entry, key) is not None for key in keys)


@callback
def async_waits_for_a_scan(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether there is a repair that stays until Plex is asked for a scan."""
    return _issue(hass, entry, Reason.SCANS_FAIL) is not None


@callback
def async_waits_for_a_save(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether there is a repair that stays until the circuit is saved."""
    return _issue(hass, entry, STORE_FAILED) is not None


@callback
def async_follow_save(
    hass: HomeAssistant, entry: ConfigEntry, *, has_failed: bool | None
) -> None:
    """Raise that the state of the circuit cannot be saved.

    None means that nothing was saved since the start, so the repair stays as it is.
    """
    if has_failed is not None:
        async_follow(hass, entry, STORE_FAILED, present=has_failed)


@callback
def async_follow_long_outage(
    hass: HomeAssistant, entry: ConfigEntry, seconds: float
) -> None:
    """Raise that an outage has lasted so long that it may not pass by itself."""
    # In whole days, so that the repair does not change every minute.
    days = str(int(seconds // LONG_FOR))
    async_follow(hass, entry, LONG_OUTAGE, present=seconds >= LONG_FOR, days=days)


@callback
def async_follow_failing(
    hass: HomeAssistant,
    entry: ConfigEntry,
    failing: Mapping[str, float],
    now: float,
    *,
    in_doubt: Collection[str],
) -> None:
    """Raise a repair for each group of calls that has been failing for long.

    It stays until no call of the group fails, nor is ``in_doubt``: it failed before the
    start and was not tried since. ``failing`` gives for each kind of call since when it
    has failed, on the clock of ``now``.
    """
    chosen = len(entry.data[CONF_LIBRARIES])
    doubted = {group_of(kind) for kind in in_doubt}
    for group, key in BY_GROUP.items():
        times = [since for kind, since in failing.items() if group_of(kind) == group]
        if now - min(times) >= FAILING_FOR if times else group not in doubted:
            shown = {"failing": str(min(len(times), chosen)), "libraries": str(chosen)}
            async_follow(hass, entry, key, present=bool(times), **shown)


@callback
def async_follow_sources(
    hass: HomeAssistant, entry: ConfigEntry, faults: Mapping[str, str | None]
) -> None:
    """Raise a repair for each source with a fault that its owner has to fix.

    A fault of None means that the source works. Any other fault says nothing about the
    repairs raised before, so they stay, as they do for a source not asked yet.
    """
    for source, fault in faults.items():
        if source not in entry.subentries or fault not in (None, *BY_FAULT):
            continue
        url = entry.subentries[source].data.get(CONF_URL, "")
        for reason, key in BY_FAULT.items():
            async_follow(hass, entry, key, source, present=reason == fault, url=url)
    for issue in _issues(hass, entry):
        if _source_of(entry, issue) not in ("", *entry.subentries):
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


@callback
def async_follow_paths(
    hass: HomeAssistant, entry: ConfigEntry, source: str, skipped: int, records: int
) -> None:
    """Raise that over a tenth of a source's records are outside the Plex libraries."""
    is_many = skipped * 10 > records
    numbers = {
        "found": str(records - skipped),
        "records": str(records),
        "share": str(100 * (records - skipped) // max(1, records)),
    }
    present = is_many and source in entry.subentries
    async_follow(hass, entry, SOURCE_PATHS, source, present=present, **numbers)


@callback
def async_follow_lacking(
    hass: HomeAssistant, entry: ConfigEntry, source: str, options: Collection[str]
) -> None:
    """Raise that a source does not support some of the options in use."""
    present = bool(options) and source in entry.subentries
    names = ", ".join(options)
    async_follow(hass, entry, SOURCE_LACKS, source, present=present, options=names)


@callback
def async_follow_source_holds(
    hass: HomeAssistant, entry: ConfigEntry, sources: Mapping[str, Holds]
) -> None:
    """Raise the question that a source is held for, once its numbers are known."""
    for source in entry.subentries:
        holds = sources.get(source, {})
        for hold, key in BY_SOURCE_HOLD.items():
            shown = holds.get(hold)
            numbers = {name: str(number) for name, number in (shown or {}).items()}
            present = shown is not None
            async_follow(hass, entry, key, source, present=present, **numbers)


@callback
def async_asked(
    hass: HomeAssistant, entry: ConfigEntry, key: str, source: str | None = None
) -> str | None:
    """Return the id of a repair, if it is raised.

    Home Assistant also knows those of the last run, and whether their owner ignores
    them, but shows none of them until it is raised again.
    """
    issue = _issue(hass, entry, key, source)
    return issue.issue_id if issue is not None and issue.active else None


@callback
def async_put_aside(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the repairs of an entry that is disabled.

    They are raised again with the entry. Repairs that are raised only once stay until
    they are read.
    """
    for issue in _issues(hass, entry):
        if issue.active and not issue.is_persistent:
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


@callback
def async_clear(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove all repairs of an entry that is removed."""
    for issue in _issues(hass, entry):
        ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _issue(
    hass: HomeAssistant, entry: ConfigEntry, key: str, source: str | None = None
) -> ir.IssueEntry | None:
    issue_id = _issue_id(entry, key, source)
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


def _issues(hass: HomeAssistant, entry: ConfigEntry) -> list[ir.IssueEntry]:
    """Return all repairs of an entry, those of its sources included.

    Those of the last run that were not raised again are among them.
    """
    return [
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN and _source_of(entry, issue) is not None
    ]


def _issue_id(entry: ConfigEntry, key: str, source: str | None = None) -> str:
    return "_".join(part for part in (key, entry.entry_id, source) if part)


def _source_of(entry: ConfigEntry, issue: ir.IssueEntry) -> str | None:
    """Return the source that a repair is about, "" if it is about the entry itself.

    Return None for a repair of another entry. This is read from the repair's id: of a
    repair that was not raised again since the restart, Home Assistant knows only that.
    """
    _, found, source = f"{issue.issue_id}_".partition(f"_{entry.entry_id}_")
    return source.removesuffix("_") if found else None
