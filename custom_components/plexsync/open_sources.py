"""Create the sources of a server from its subentries, and release removed ones."""

from collections.abc import Callable, Mapping
from functools import partial
import hashlib
import json
import logging
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util.hass_dict import HassKey

from . import issues
from .const import (
    CONF_FIELDS,
    CONF_LIBRARIES,
    CONF_PATH_MAPPINGS,
    CONF_POLL_SLOWEST,
    CONF_START,
    SOURCE_ACTION,
    START_CHANGES,
    START_PREVIEW,
    SUBENTRY_STASH,
)
from .engine.jobs.gone_records import WhenGone
from .engine.ledger.ledger_sources import SOURCES
from .engine.model.holds import SourceHold
from .first_plan import async_hold_sources_not_the_server
from .gone_watch import GoneWatch
from .host import Host
from .plex.paths import PathMapper
from .sources.rhythm import SLOWEST
from .sources.runner import SourceRunner
from .sources.stash.stash import StashOptions, StashSource

_LOGGER = logging.getLogger(__name__)

_PATHS: HassKey[dict[str, str]] = HassKey("plexsync_paths")  # by source


async def async_open_sources(
    host: Host, gone_watch: GoneWatch, changed: Callable[[], None]
) -> None:
    """Create a runner for each subentry, and release sources that were removed.

    Raises StorageError.
    """
    engine, allowed = host.engine, host.hass.config
    known = set(json.loads(await engine.notes.get(SOURCES) or "[]"))
    await engine.failed_jobs.follow(
        SOURCE_ACTION,
        _digest(
            host,
            sorted(allowed.allowlist_external_dirs),
            sorted(allowed.allowlist_external_urls),
        ),
        read_again=False,
    )
    await engine.failed_jobs.retry_due(SOURCE_ACTION)
    await async_hold_sources_not_the_server(host)
    for subentry in host.entry.get_subentries_of_type(SUBENTRY_STASH):
        await _open_stash(host, subentry, gone_watch, changed)
    # Actions lead a value, then the sources in their owner's order.
    order = [SOURCE_ACTION, *host.runners]
    for gone in sorted(known - set(order)):
        jobs = await engine.remove_source(gone)
        _LOGGER.info("Source %s was removed; %s jobs were discarded", gone, jobs)
    await engine.notes.keep(SOURCES, json.dumps(order))
    for subentry in host.entry.get_subentries_of_type(SUBENTRY_STASH):
        address = subentry.data[CONF_URL].rstrip("/")
        identity = hashlib.sha256(address.encode()).hexdigest()
        read_again = subentry.data[CONF_START] != START_CHANGES
        await engine.recognise(subentry.subentry_id, identity, read_again=read_again)


async def _open_stash(
    host: Host,
    subentry: ConfigSubentry,
    gone_watch: GoneWatch,
    changed: Callable[[], None],
) -> None:
    data, number = subentry.data, subentry.subentry_id
    options = StashOptions.from_dict(data[CONF_FIELDS])
    await _follow_settings(host, subentry, data[CONF_URL], options.as_dict())
    source = _stash(host, subentry, options)
    host.images.add(source)
    host.runners[number] = SourceRunner(
        source,
        host.engine,
        name=subentry.title,
        slowest=data.get(CONF_POLL_SLOWEST, SLOWEST),
        changes_only=data[CONF_START] == START_CHANGES,
        when_gone=WhenGone(options.when_gone),
        scan_new=options.scan_new,
        changed=changed,
        job_ended=partial(gone_watch.job_ended, number),
        lost=partial(gone_watch.lost, number),
    )


async def _follow_settings(
    host: Host, subentry: ConfigSubentry, address: str, options: Mapping[str, Any]
) -> None:
    """Hold a source for its first plan, and follow changes of its settings.

    If they changed since the last start, failed jobs are tried again, records are read
    again, and the question about the first plan waits for new numbers.
    """
    engine, data, number = host.engine, subentry.data, subentry.subentry_id
    start = data[CONF_START]
    if start == START_PREVIEW and await engine.failed_jobs.is_new(number):
        # Never rewrite a library unasked: keep the jobs, and write nothing.
        await engine.source_holds.hold(number, SourceHold.FIRST_PLAN)
    elif start != START_PREVIEW:
        await engine.source_holds.lift(number, SourceHold.FIRST_PLAN)
    settings = data[CONF_PATH_MAPPINGS], options
    await engine.failed_jobs.follow(
        number, _digest(host, *settings), read_again=start != START_CHANGES
    )
    _follow_paths(host, subentry)
    if SourceHold.FIRST_PLAN in engine.source_holds.of(number):
        plan = _digest(host, address, *settings)
        if await engine.notes.get(f"planned:{number}") not in (None, plan):
            # Holding it again discards the numbers that were counted.
            await engine.source_holds.hold(number, SourceHold.FIRST_PLAN)
        await engine.notes.keep(f"planned:{number}", plan)


def _follow_paths(host: Host, subentry: ConfigSubentry) -> None:
    """Take back what was said of a source's paths, once they lead elsewhere.

    The numbers are those of the old paths; a sweep counts anew. What is remembered here
    ends with Home Assistant, which shows the repair no more after that, until a sweep
    has raised it again.
    """
    now = repr((host.entry.data[CONF_LIBRARIES], subentry.data[CONF_PATH_MAPPINGS]))
    paths, number = host.hass.data.setdefault(_PATHS, {}), subentry.subentry_id
    if paths.get(number, now) != now:
        issues.async_follow(
            host.hass, host.entry, issues.SOURCE_PATHS, number, present=False
        )
    paths[number] = now


def _stash(host: Host, subentry: ConfigSubentry, options: StashOptions) -> StashSource:
    data = subentry.data
    mapper = PathMapper(
        [(pair["source"], pair["plex"]) for pair in data[CONF_PATH_MAPPINGS]]
    )
    return StashSource(
        subentry.subentry_id,
        async_get_clientsession(host.hass, verify_ssl=data[CONF_VERIFY_SSL]),
        data[CONF_URL],
        data.get(CONF_API_KEY),
        to_plex=mapper.to_plex,
        from_plex=mapper.from_plex,
        options=options,
        monotonic=host.engine.clock.monotonic,
    )


def _digest(host: Host, *settings: Any) -> str:
    """Digest the settings, the token included, that may explain failed jobs."""
    everything = [
        sorted(host.entry.data[CONF_LIBRARIES]),
        host.access.token,
        *settings,
    ]
    text = json.dumps(everything, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
