"""A Home Assistant with one of our entries in it, and ways to wait for what it does."""

import asyncio
from collections.abc import Callable, Iterable
import contextlib
from dataclasses import replace
from sqlite3 import Connection
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryData
from homeassistant.const import (
    CONF_TOKEN,
    CONF_URL,
    CONF_VERIFY_SSL,
    EVENT_STATE_CHANGED,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.plexsync import entry_migration
from custom_components.plexsync.const import (
    CONF_FIELDS,
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    CONF_PATH_MAPPINGS,
    CONF_START,
    DOMAIN,
    START_EVERYTHING,
    SUBENTRY_STASH,
)
from custom_components.plexsync.engine.database.database import StorageError
from custom_components.plexsync.sensor import SENSORS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

PATIENCE = 20.0  # seconds until a test gives up waiting
PLEX_ROOT, STASH_ROOT = "/data/films", "/media/films"
SOURCE = "01SOURCE"


def stash_subentry(stash: StashSimulator, **changes: Any) -> ConfigSubentryData:
    """Describe a source; ``changes`` go into its data."""
    data = {
        CONF_URL: stash.url,
        CONF_VERIFY_SSL: True,
        CONF_PATH_MAPPINGS: [{"source": STASH_ROOT, "plex": PLEX_ROOT}],
        CONF_FIELDS: {},
        CONF_START: START_EVERYTHING,
    }
    return ConfigSubentryData(
        data=data | changes,
        subentry_id=SOURCE,
        subentry_type=SUBENTRY_STASH,
        title="Stash",
        unique_id=stash.url,
    )


def make_entry(
    plex: PlexSimulator, *subentries: ConfigSubentryData, **changes: Any
) -> MockConfigEntry:
    """Describe a server with the first of its libraries chosen."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Cellar",
        entry_id=changes.pop("entry_id", "01ENTRY"),
        version=entry_migration.VERSION,
        minor_version=changes.pop("minor_version", entry_migration.MINOR_VERSION),
        unique_id=plex.core.identity.machine_identifier,
        options=changes.pop("options", {}),
        data={
            CONF_URL: plex.url,
            CONF_TOKEN: plex.token,
            CONF_VERIFY_SSL: True,
            CONF_MACHINE_ID: plex.core.identity.machine_identifier,
            CONF_LIBRARIES: [next(iter(plex.core.sections.values())).uuid],
            **changes,
        },
        subentries_data=subentries,
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Load an entry."""
    if hass.config_entries.async_get_entry(entry.entry_id) is None:
        entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    return entry


def refused_soon(entry: MockConfigEntry) -> None:
    """Let the probes that a refused token needs follow at once, and not in five seconds."""
    breaker = entry.runtime_data.engine.circuit.breaker
    breaker.policy = replace(breaker.policy, refused=0.05)


def enable_all(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Let the entities be there that only experts read, as their owner can."""
    entry.add_to_hass(hass)
    for each in SENSORS:
        if not each.entity_registry_enabled_default:
            er.async_get(hass).async_get_or_create(
                "sensor",
                DOMAIN,
                f"{entry.entry_id}_{each.key}",
                config_entry=entry,
                disabled_by=None,
            )
    return entry


def entity_id(hass: HomeAssistant, platform: str, key: str) -> str:
    """Find an entity of the one entry by its key."""
    unique_id = f"01ENTRY_{key}"
    found = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    assert found is not None, unique_id
    return found


def state_of(hass: HomeAssistant, platform: str, key: str) -> State:
    """Give the state of an entity by its key."""
    state = hass.states.get(entity_id(hass, platform, key))
    assert state is not None
    return state


async def until(
    hass: HomeAssistant, predicate: Callable[[], object], events: Iterable[str] = ()
) -> None:
    """Wait until something is so; looked at on every state and event, and now and then."""
    changed = asyncio.Event()

    @callback
    def look(event: Any) -> None:
        changed.set()

    stops = [
        hass.bus.async_listen(event, look) for event in (EVENT_STATE_CHANGED, *events)
    ]
    try:
        async with asyncio.timeout(PATIENCE):
            while not predicate():
                changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await changed.wait()
    finally:
        for stop in stops:
            stop()


async def until_state(
    hass: HomeAssistant, platform: str, key: str, value: str
) -> State:
    """Wait until an entity has a state."""
    await until(hass, lambda: state_of(hass, platform, key).state == value)
    return state_of(hass, platform, key)


async def call(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Call an action and give its answer."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    assert answer is not None
    return dict(MappingProxyType(answer))


async def ruin(entry: MockConfigEntry) -> None:
    """Let nothing be read from an entry's database, nor written to it, any more."""

    def drop(db: Connection) -> None:
        tables = db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite%'"
        )
        for (name,) in tables.fetchall():
            db.execute(f"DROP TABLE {name}")

    database = entry.runtime_data.engine.database
    while True:
        try:
            await database.run(drop)
        except StorageError:  # whoever was in the same commit met it first
            continue
        return
