"""Repairs: what only the owner can fix, shown until it is fixed."""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlencode

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_LIBRARIES, DOMAIN
from .engine.calls.bulkheads import REASONS
from .engine.jobs.hold_rows import Holds
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
    group: reason for group, reason in REASONS.items() if group != "source"
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
# Syncing continues, at least in part.
_WARNINGS: Final = frozenset(
    {
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
def async_circuit_lost(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Raise that the saved state of the circuit could not be used."""
    _create(hass, entry, CIRCUIT_LOST, persistent=True)


@callback
def async_database_lost(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Raise that the database could not be used and was set aside."""
    _create(hass, entry, DATABASE_LOST, persistent=True)


@callback
def async_follow_plex_entry(
    hass: HomeAssistant, entry: ConfigEntry, *, gone: bool
) -> None:
    """Raise that the `plex` integration no longer knows the server."""
    _follow(hass, entry, PLEX_ENTRY_GONE, present=gone)


@callback
def async_follow_version(
    hass: HomeAssistant, entry: ConfigEntry, *, too_new: bool
) -> None:
    """Raise that the files are of a newer version, until they can be opened."""
    _follow(hass, entry, STORAGE_TOO_NEW, present=too_new)


@callback
def async_take_back_old_preview(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Remove the repair that once held a whole server; return whether there was one."""
    issue_id = _issue_id(entry, PREVIEW_READY)
    asked = ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None
    ir.async_delete_issue(hass, DOMAIN, issue_id)
    return asked


@callback
def async_follow_plex_token(
    hass: HomeAssistant, entry: ConfigEntry, *, refused: bool
) -> None:
    """Raise that Plex refuses the token of Home Assistant's own Plex integration."""
    _follow(hass, entry, PLEX_REFUSES, present=refused)


@callback
def async_follow(
    hass: HomeAssistant,
    entry: ConfigEntry,
    holds: Collection[Hold],
    *,
    found_well: bool,
    save_failed: bool,
    database_fails: bool,
) -> None:
    """Raise a repair for each hold of the worker, and remove those of past holds.

    Until Plex is ``found_well``, it is unknown whether the holds that only a probe can see
    still apply, so their repairs stay. Removing a repair and raising it again would make
    Home Assistant forget that the owner chose to ignore it.
    """
    for hold, key in BY_HOLD.items():
        if hold in holds or found_well or hold not in BY_LOOK:
            _follow(hass, entry, key, present=hold in holds)
    _follow(hass, entry, STORE_FAILED, present=save_failed)
    _follow(hass, entry, DATABASE_FAILS, present=database_fails)


@callback
def async_waits_for_a_look(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether there is a repair that stays until Plex is probed."""
    registry = ir.async_get(hass)
    keys = (PLEX_REFUSES, *(BY_HOLD[hold] for hold in BY_LOOK if hold in BY_HOLD))
    return any(
        registry.async_get_issue(DOMAIN, _issue_id(entry, key)) is not None
        for key in keys
    )


@callback
def async_follow_long_outage(
    hass: HomeAssistant, entry: ConfigEntry, seconds: float
) -> None:
    """Raise that an outage has lasted so long that it may not pass by itself."""
    if seconds >= LONG_FOR:
        # In whole days, so that the repair does not change every minute.
        days = str(int(seconds // LONG_FOR))
        _create(hass, entry, LONG_OUTAGE, days=days)
    else:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, LONG_OUTAGE))


@callback
def async_follow_failed_jobs(
    hass: HomeAssistant, entry: ConfigEntry, *, waiting_long: bool
) -> None:
    """Raise that jobs have been failed for long."""
    _follow(hass, entry, FAILED_JOBS, present=waiting_long)


@callback
def async_follow_failing(
    hass: HomeAssistant, entry: ConfigEntry, failing: Mapping[str, float], now: float
) -> None:
    """Raise a repair for each group of calls that has been failing for long.

    It stays until no call of the group fails. ``failing`` gives for each kind of call
    since when it has failed, on the clock of ``now``.
    """
    chosen = len(entry.data[CONF_LIBRARIES])
    for group, key in BY_GROUP.items():
        times = [
            since for kind, since in failing.items() if kind.partition(":")[0] == group
        ]
        if not times:
            _follow(hass, entry, key, present=False)
        elif now - min(times) >= FAILING_FOR:
            number = min(len(times), chosen)
            _create(hass, entry, key, failing=str(number), libraries=str(chosen))


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
        for reason, key in BY_FAULT.items():
            if reason == fault:
                url = entry.subentries[source].data[CONF_URL]
                _create(hass, entry, key, source, url=url)
            else:
                ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, key, source))
    for issue in _issues(hass, entry):
        if issue.data and issue.data["source"] not in (None, *entry.subentries):
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


@callback
def async_follow_paths(
    hass: HomeAssistant, entry: ConfigEntry, source: str, skipped: int, records: int
) -> None:
    """Raise that over a tenth of a source's records are outside the Plex libraries."""
    if skipped * 10 > records and source in entry.subentries:
        numbers = {
            "found": str(records - skipped),
            "records": str(records),
            "share": str(int(100 * (records - skipped) / records)),
        }
        _create(hass, entry, SOURCE_PATHS, source, persistent=False, **numbers)
    else:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, SOURCE_PATHS, source))


@callback
def async_follow_lacking(
    hass: HomeAssistant, entry: ConfigEntry, source: str, options: Collection[str]
) -> None:
    """Raise that a source does not support some of the options in use."""
    if options and source in entry.subentries:
        _create(hass, entry, SOURCE_LACKS, source, options=", ".join(options))
    else:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, SOURCE_LACKS, source))


@callback
def async_follow_source_holds(
    hass: HomeAssistant, entry: ConfigEntry, sources: Mapping[str, Holds]
) -> None:
    """Raise the question that a source is held for, once its numbers are known."""
    for source in entry.subentries:
        holds = sources.get(source, {})
        for hold, key in BY_SOURCE_HOLD.items():
            if (shown := holds.get(hold)) is None:
                ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, key, source))
            else:
                numbers = {name: str(number) for name, number in shown.items()}
                _create(hass, entry, key, source, persistent=False, **numbers)


@callback
def async_asked(
    hass: HomeAssistant, entry: ConfigEntry, key: str, source: str | None = None
) -> str | None:
    """Return the id of a repair, if it is raised."""
    issue_id = _issue_id(entry, key, source)
    return issue_id if ir.async_get(hass).async_get_issue(DOMAIN, issue_id) else None


@callback
def async_put_aside(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the repairs of an entry that is disabled.

    They are raised again with the entry. Repairs that are raised only once stay until
    they are read.
    """
    for issue in _issues(hass, entry):
        if not issue.is_persistent:
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


@callback
def async_clear(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove all repairs of an entry that is removed."""
    for issue in _issues(hass, entry):
        ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _issues(hass: HomeAssistant, entry: ConfigEntry) -> list[ir.IssueEntry]:
    """Return all repairs of an entry, those of its sources included."""
    return [
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
        and issue.data is not None
        and issue.data["entry_id"] == entry.entry_id
    ]


def _issue_id(entry: ConfigEntry, key: str, source: str | None = None) -> str:
    return "_".join(part for part in (key, entry.entry_id, source) if part)


def _follow(
    hass: HomeAssistant, entry: ConfigEntry, key: str, *, present: bool
) -> None:
    if present:
        _create(hass, entry, key)
    else:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(entry, key))


def _create(
    hass: HomeAssistant,
    entry: ConfigEntry,
    key: str,
    source: str | None = None,
    *,
    persistent: bool = False,
    **shown: str,
) -> None:
    placeholders = {"name": entry.title, **shown}
    query = {"config_entry": entry.entry_id}
    if source is not None:
        placeholders["source"] = entry.subentries[source].title
        query["source"] = source
    if key in _LEADING:
        placeholders["query"] = urlencode(query)
    informs = persistent or key in _WARNINGS
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry, key, source),
        data={"entry_id": entry.entry_id, "source": source},
        is_fixable=key in FIXABLE,
        is_persistent=persistent,
        severity=ir.IssueSeverity.WARNING if informs else ir.IssueSeverity.ERROR,
        translation_key=key,
        translation_placeholders=placeholders,
    )
