"""Create the sources of a server from its subentries, and release removed ones."""

from functools import partial
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL
from homeassistant.helpers.aiohttp_client import async_get_clientsession

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
from .engine.gone_records import WhenGone
from .engine.holds import SourceHold
from .engine.ledger_sources import SOURCES
from .first_plan import async_hold_sources_not_the_server
from .plex.paths import PathMapper
from .sources.rhythm import SLOWEST
from .sources.runner import SourceRunner
from .sources.stash import StashOptions, StashSource

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator

_LOGGER = logging.getLogger(__name__)


async def async_open_sources(coordinator: PlexSyncCoordinator) -> None:
    """Create a runner for each subentry, and release sources that were removed.

    Raises StorageError.
    """
    engine, allowed = coordinator.engine, coordinator.hass.config
    known = set(json.loads(await engine.notes.get(SOURCES) or "[]"))
    await engine.failed_jobs.follow(
        SOURCE_ACTION,
        _digest(
            coordinator,
            sorted(allowed.allowlist_external_dirs),
            sorted(allowed.allowlist_external_urls),
        ),
        read_again=False,
    )
    await engine.failed_jobs.retry_due(SOURCE_ACTION)
    await async_hold_sources_not_the_server(coordinator)
    for subentry in coordinator.config_entry.get_subentries_of_type(SUBENTRY_STASH):
        await _open_stash(coordinator, subentry)
    # Actions lead a value, then the sources in their owner's order.
    order = [SOURCE_ACTION, *coordinator.runners]
    for gone in sorted(known - set(order)):
        jobs = await engine.remove_source(gone)
        _LOGGER.info("Source %s was removed; %s jobs were discarded", gone, jobs)
    await engine.notes.keep(SOURCES, json.dumps(order))
    for subentry in coordinator.config_entry.get_subentries_of_type(SUBENTRY_STASH):
        address = subentry.data[CONF_URL].rstrip("/")
        identity = hashlib.sha256(address.encode()).hexdigest()
        await engine.recognise(subentry.subentry_id, identity)


async def _open_stash(
    coordinator: PlexSyncCoordinator, subentry: ConfigSubentry
) -> None:
    engine, data, number = coordinator.engine, subentry.data, subentry.subentry_id
    options = StashOptions.from_dict(data[CONF_FIELDS])
    start = data[CONF_START]
    if start == START_PREVIEW and await engine.failed_jobs.is_new(number):
        # Never rewrite a library unasked: keep the jobs, and write nothing.
        await engine.source_holds.hold(number, SourceHold.FIRST_PLAN)
    elif start != START_PREVIEW:
        await engine.source_holds.lift(number, SourceHold.FIRST_PLAN)
    settings = data[CONF_PATH_MAPPINGS], options.as_dict()
    await engine.failed_jobs.follow(
        number, _digest(coordinator, *settings), read_again=start != START_CHANGES
    )
    if SourceHold.FIRST_PLAN in engine.source_holds.of(number):
        plan = _digest(coordinator, data[CONF_URL], *settings)
        if await engine.notes.get(f"planned:{number}") not in (None, plan):
            # The plan has changed, so the question has to wait for new numbers.
            await engine.source_holds.hold(number, SourceHold.FIRST_PLAN)
        await engine.notes.keep(f"planned:{number}", plan)
    source = _stash(coordinator, subentry, options)
    coordinator.images.add(source)
    coordinator.runners[number] = SourceRunner(
        source,
        engine,
        name=subentry.title,
        slowest=data.get(CONF_POLL_SLOWEST, SLOWEST),
        changes_only=start == START_CHANGES,
        when_gone=WhenGone(options.when_gone),
        scan_new=options.scan_new,
        changed=coordinator.async_look,
        job_ended=partial(coordinator.gone_watch.job_ended, number),
        lost=partial(coordinator.gone_watch.lost, number),
    )


def _stash(
    coordinator: PlexSyncCoordinator, subentry: ConfigSubentry, options: StashOptions
) -> StashSource:
    data = subentry.data
    mapper = PathMapper(
        [(pair["source"], pair["plex"]) for pair in data[CONF_PATH_MAPPINGS]]
    )
    return StashSource(
        subentry.subentry_id,
        async_get_clientsession(coordinator.hass, verify_ssl=data[CONF_VERIFY_SSL]),
        data[CONF_URL],
        data.get(CONF_API_KEY),
        to_plex=mapper.to_plex,
        from_plex=mapper.from_plex,
        options=options,
        monotonic=coordinator.engine.clock.monotonic,
    )


def _digest(coordinator: PlexSyncCoordinator, *settings: Any) -> str:
    """Digest the settings, the token included, that may explain failed jobs."""
    everything = [
        sorted(coordinator.config_entry.data[CONF_LIBRARIES]),
        coordinator.access.token,
        *settings,
    ]
    text = json.dumps(everything, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
