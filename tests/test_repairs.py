"""Repairs come when only the owner can help, and go when that is done."""

import asyncio
from collections.abc import Iterator
import contextlib
from pathlib import Path
import sqlite3
import time
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntryDisabler,
    ConfigSubentryData,
)
from homeassistant.const import CONF_TOKEN, EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import (
    EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED,
    IssueEntry,
    IssueSeverity,
)
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.plexsync import issues
from custom_components.plexsync.ask_owner import async_ask_owner
from custom_components.plexsync.const import (
    CONF_FIELDS,
    CONF_PATH_MAPPINGS,
    CONF_REUSE,
    CONF_START,
    DOMAIN,
    START_PREVIEW,
)
from custom_components.plexsync.engine.util.clock import Clock
from custom_components.plexsync.sources.stash.options import StashOptions
from custom_components.plexsync.storage import database_path
from tests.home import (
    PATIENCE,
    PLEX_ROOT,
    SOURCE,
    STASH_ROOT,
    call,
    make_entry,
    refused_soon,
    set_up,
    stash_subentry,
    state_of,
    until,
    until_state,
)
from tests.repairing import (
    ENTRY,
    answer_fix,
    fix,
    issue,
    open_fix,
    stop_home,
    until_issue,
)
from tests.rig import PNG
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator
from tests.stash_flows import FIELDS, MAPPING, enter

PATH = f"{PLEX_ROOT}/{FILMS[0].path}"


async def test_nothing_is_wrong(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Raise nothing while all is well, nor while a server is only away."""
    await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    await plex.stop()
    await stash.stop()
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until_state(hass, "sensor", "circuit", "open")
    assert not [key for key in ir.async_get(hass).issues if key[0] == DOMAIN]


async def test_options_that_a_stash_cannot_serve(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Name them as the form does, until Stash has what they need, or they are off."""
    options = StashOptions(role="alias", min_rating=1).as_dict()
    stash.set_version("0.24.3", lacks=["Performer.alias_list", "Scene.rating100"])
    entry = make_entry(plex, stash_subentry(stash, fields=options))
    await set_up(hass, entry)
    await until_state(hass, "sensor", "synced", "12")
    found = await until_issue(hass, "source_lacks", SOURCE)
    assert found is not None
    assert not found.is_fixable
    assert found.severity is IssueSeverity.WARNING
    assert found.translation_placeholders == {
        "name": "Cellar",
        "source": "Stash",
        "options": "Rating, Role, Lowest rating",
    }

    stash.set_version("0.24.3", lacks=["Performer.alias_list"])
    await entry.runtime_data.runners[SOURCE].source.connect()
    entry.runtime_data.async_look()
    await until(
        hass,
        lambda: options_of(issue(hass, "source_lacks", SOURCE)) == "Role",
        [EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED],
    )
    hass.config_entries.async_update_subentry(
        entry,
        entry.subentries[SOURCE],
        data={**entry.subentries[SOURCE].data, "fields": StashOptions().as_dict()},
    )
    await until_issue(hass, "source_lacks", SOURCE, gone=True)


def options_of(found: IssueEntry | None) -> str | None:
    """Give the options that a repair names."""
    return (found.translation_placeholders or {}).get("options") if found else None


async def test_a_lost_ledger_waits_for_the_owner(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
) -> None:
    """Write nothing with an empty memory until somebody says so."""
    entry = await set_up(hass, make_entry(plex))
    await call(hass, "sync_item", path=PATH, fields={"summary": "Ours."}, wait=20)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_add_executor_job(database_path(hass, ENTRY).unlink)
    await set_up(hass, entry)
    found = await until_issue(hass, "ledger_lost")
    assert found is not None
    assert found.is_fixable
    assert found.severity is IssueSeverity.ERROR
    answer = await call(hass, "sync_item", path=PATH, fields={"summary": "New."})
    assert answer["reason"] == "held"
    with pytest.raises(HomeAssistantError) as caught:
        await call(hass, "undo_item", path=PATH)
    assert caught.value.translation_key == "held_ledger"

    shown, ended = await fix(hass, hass_client, "ledger_lost", "adopt")
    assert (shown["type"], shown["menu_options"]) == ("menu", ["adopt", "lead"])
    assert shown["description_placeholders"] == {"name": "Cellar"}
    assert ended["type"] == "create_entry"
    assert issue(hass, "ledger_lost") is None
    # The field is locked and differs: without the memory it counts as a person's.
    await until_state(hass, "sensor", "pending", "0")
    assert plex.core.find(PATH).value("summary") == "Ours."
    answer = await call(hass, "sync_item", path=PATH, fields={"studio": "New"}, wait=20)
    assert answer["status"] == "written"


@pytest.mark.usefixtures("tag_mode")
@pytest.mark.parametrize("choice", ["adopt", "lead"])
async def test_what_is_locked_after_a_lost_ledger(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
    choice: str,
) -> None:
    """The owner says whether it stays or follows the source; all items are compared."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_add_executor_job(database_path(hass, ENTRY).unlink)
    item = plex.core.find(PATH)
    title = item.title
    plex.core.edit_by_person(item.rating_key, title="Locked")
    plex.journal.clear()
    await set_up(hass, entry)
    await until_issue(hass, "ledger_lost")
    # It has its cursor again, and asks for nothing more by itself.
    await until(hass, entry.runtime_data.runners[SOURCE].caught_up.is_set)
    _, ended = await fix(hass, hass_client, "ledger_lost", choice)
    assert ended["type"] == "create_entry"
    assert issue(hass, "ledger_lost") is None
    # Posters are locked with each upload: where they are adopted nobody knows whose.
    kept = {"kept": {"locked": 12}}
    expected = kept if choice == "adopt" else {"in_line": 12}
    async with asyncio.timeout(PATIENCE):
        while (await call(hass, "reconcile", wait=20))["counts"] != expected:
            pass
    assert plex.journal.count(method="POST") == 0  # Plex has them
    assert item.title == ("Locked" if choice == "adopt" else title)
    assert not await entry.runtime_data.engine.ledger_identity.is_to_compare()


async def test_a_comparison_that_is_due_begins_again_with_the_entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Home Assistant was stopped before the sources were compared."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    item = plex.core.find(PATH)
    title = item.title
    plex.core.edit_by_person(item.rating_key, title="Locked")
    await entry.runtime_data.engine.ledger_identity.accept(lead=True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(hass, lambda: item.title == title)
    async with asyncio.timeout(PATIENCE):
        while await entry.runtime_data.engine.ledger_identity.is_to_compare():
            await call(hass, "reconcile", wait=20)


async def test_a_lost_ledger_is_answered_once(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """What a second window still asks is decided: nothing locked is overwritten."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_state(hass, "sensor", "synced", "12")
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_add_executor_job(database_path(hass, ENTRY).unlink)
    item = plex.core.find(PATH)
    plex.core.edit_by_person(item.rating_key, title="Locked")
    await set_up(hass, entry)
    await until_issue(hass, "ledger_lost")
    second = await open_fix(hass, hass_client, "ledger_lost")
    await fix(hass, hass_client, "ledger_lost", "adopt")
    ended = await answer_fix(hass_client, second, next_step_id="lead")
    assert ended["type"] == "create_entry"
    async with asyncio.timeout(PATIENCE):
        answer = await call(hass, "reconcile", wait=20)
        while answer["counts"] != {"kept": {"locked": 12}}:
            assert item.title == "Locked"
            answer = await call(hass, "reconcile", wait=20)
    assert item.title == "Locked"


@pytest.mark.parametrize("state", ["not_loaded", "storage_failed"])
async def test_an_answer_that_cannot_be_kept_asks_again(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    state: str,
) -> None:
    """Leave the repair where it is."""
    entry = await set_up(hass, make_entry(plex))
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_add_executor_job(database_path(hass, ENTRY).unlink)
    await set_up(hass, entry)
    await until_issue(hass, "ledger_lost")
    if state == "not_loaded":
        assert await hass.config_entries.async_unload(entry.entry_id)
    else:
        database = entry.runtime_data.engine.database
        await hass.async_add_executor_job(database.close)
    _, ended = await fix(hass, hass_client, "ledger_lost", "lead")
    assert (ended["type"], ended["reason"]) == ("abort", state)
    assert issue(hass, "ledger_lost") is not None


async def test_a_source_whose_files_lie_elsewhere(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Over a tenth of its records are skipped: one repair, and no failed job."""
    nowhere = [{"source": STASH_ROOT, "plex": "/nowhere"}]
    lost = stash_subentry(stash, **{CONF_PATH_MAPPINGS: nowhere})
    entry = await set_up(hass, make_entry(plex, lost))
    await until(hass, entry.runtime_data.runners[SOURCE].caught_up.is_set)
    answer = await call(hass, "reconcile", wait=20)
    await until_state(hass, "sensor", "pending", "0")
    answer = await call(hass, "reconcile", wait=20)
    assert answer["counts"] == {"skipped": {"outside_libraries": 12}}
    assert state_of(hass, "sensor", "failed").state == "0"
    found = issue(hass, "source_paths", SOURCE)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["found"] == "0"
    assert found.translation_placeholders["records"] == "12"
    assert found.translation_placeholders["share"] == "0"

    subentry = entry.subentries[SOURCE]
    mended = {CONF_PATH_MAPPINGS: [{"source": STASH_ROOT, "plex": PLEX_ROOT}]}
    hass.config_entries.async_update_subentry(
        entry, subentry, data=dict(subentry.data) | mended
    )
    await until_state(hass, "sensor", "synced", "12")
    # Its numbers are those of other mappings; what is wrong with these, a sweep will say.
    assert issue(hass, "source_paths", SOURCE) is None
    await call(hass, "reconcile", wait=20)
    assert issue(hass, "source_paths", SOURCE) is None


async def test_a_change_that_has_nothing_to_do_with_paths(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Whoever ignores that files lie elsewhere is not asked again because of it."""
    nowhere = [{"source": STASH_ROOT, "plex": "/nowhere"}]
    lost = stash_subentry(stash, **{CONF_PATH_MAPPINGS: nowhere})
    entry = await set_up(hass, make_entry(plex, lost))
    await until(hass, entry.runtime_data.runners[SOURCE].caught_up.is_set)
    await call(hass, "reconcile", wait=20)
    await until_state(hass, "sensor", "pending", "0")
    await call(hass, "reconcile", wait=20)
    found = await until_issue(hass, "source_paths", SOURCE)
    assert found is not None
    ir.async_ignore_issue(hass, DOMAIN, found.issue_id, True)

    subentry, coordinator = entry.subentries[SOURCE], entry.runtime_data
    other = {CONF_FIELDS: StashOptions(when_gone="undo").as_dict()}
    hass.config_entries.async_update_subentry(
        entry, subentry, data=dict(subentry.data) | other
    )
    # Between unload and set-up there is none.
    await until(
        hass, lambda: getattr(entry, "runtime_data", coordinator) is not coordinator
    )
    await hass.async_block_till_done()
    found = issue(hass, "source_paths", SOURCE)
    assert found is not None
    assert found.dismissed_version


@pytest.mark.parametrize("lost", ["circuit_lost", "database_lost"])
async def test_what_could_not_be_read_is_told_once(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    lost: str,
) -> None:
    """Tell of a file that was set aside, over restarts, until it was read."""
    entry = await set_up(hass, make_entry(plex))
    assert await hass.config_entries.async_unload(entry.entry_id)
    if lost == "circuit_lost":
        hass_storage[f"{DOMAIN}.{ENTRY}"] |= {"data": ["no object"]}
    else:
        path, content = database_path(hass, ENTRY), b"no database at all, " * 100
        await hass.async_add_executor_job(path.write_bytes, content)
    await set_up(hass, entry)
    said = {"circuit_lost": "state of the circuit", "database_lost": "set aside"}
    assert said[lost] in caplog.text
    found = issue(hass, lost)
    assert found is not None
    assert found.is_fixable
    assert found.is_persistent
    assert found.severity is IssueSeverity.WARNING
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert issue(hass, lost) is not None
    _, ended = await fix(hass, hass_client, lost)
    assert ended["type"] == "create_entry"
    assert issue(hass, lost) is None


async def test_a_store_that_cannot_be_written_is_told(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Tell while the circuit cannot be kept, and take it back when it can."""
    entry = await set_up(hass, make_entry(plex))
    with patch(
        "homeassistant.helpers.storage.Store._async_write_data",
        side_effect=WriteError("disk full"),
    ):
        await entry.runtime_data.engine.circuit.save()
        found = await until_issue(hass, "store_failed")
    assert found is not None
    assert not found.is_fixable
    await entry.runtime_data.engine.circuit.save()
    await until_issue(hass, "store_failed", gone=True)


async def test_a_store_that_still_cannot_be_written_after_a_restart(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Whoever ignores it is not shown it anew, and it goes as soon as a save goes well."""
    entry = await set_up(hass, make_entry(plex))
    with disk_full():
        await entry.runtime_data.engine.circuit.save()
        found = await until_issue(hass, "store_failed")
        assert found is not None
        ir.async_ignore_issue(hass, DOMAIN, found.issue_id, True)
        await stop_home(hass, entry)
        await set_up(hass, entry)
        await until(hass, lambda: is_active(hass, "store_failed"))
        found = issue(hass, "store_failed")
        assert found is not None
        assert found.dismissed_version
        assert await hass.config_entries.async_unload(entry.entry_id)
    await set_up(hass, entry)
    await until_issue(hass, "store_failed", gone=True)


@contextlib.contextmanager
def disk_full() -> Iterator[None]:
    """Let no store of ours be written; those of Home Assistant itself are."""
    write = Store._async_write_data  # noqa: SLF001  # where a full disk shows

    async def refuse(store: Store[Any], data: dict[str, Any]) -> None:
        if store.key.startswith(DOMAIN):
            raise WriteError("disk full")
        await write(store, data)

    with patch.object(Store, "_async_write_data", refuse):
        yield


def is_active(hass: HomeAssistant, key: str, source: str = "") -> bool:
    """Say whether a repair is shown, and not only known from the run before."""
    found = issue(hass, key, source)
    return found is not None and found.active


async def test_another_server_at_the_address(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Hold and tell while the wrong machine answers."""
    entry = await set_up(hass, make_entry(plex))
    identity = plex.core.identity
    machine, identity.machine_identifier = identity.machine_identifier, "another"
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    found = await until_issue(hass, "wrong_server")
    assert found is not None
    assert found.severity is IssueSeverity.ERROR
    assert plex.core.find(PATH).value("summary") is None
    identity.machine_identifier = machine
    entry.runtime_data.engine.health.hurry()
    await until_issue(hass, "wrong_server", gone=True)
    await until_state(hass, "sensor", "synced", "1")


async def test_no_chosen_library_is_there(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Hold and tell while there is nothing to write to."""
    await set_up(hass, make_entry(plex))
    plex.core.remove_section(plex.core.sections[1])
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    assert await until_issue(hass, "library_gone")
    assert (await call(hass, "get_jobs"))["total"] == 1


async def test_a_refused_token_starts_the_reauthentication(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Ask for another token; the sensors stay."""
    entry = await set_up(hass, make_entry(plex, **{CONF_TOKEN: "wrong"}))
    refused_soon(entry)
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})

    def asked() -> bool:
        flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        return any(flow["context"]["source"] == SOURCE_REAUTH for flow in flows)

    await until(hass, asked, [EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED])
    assert state_of(hass, "sensor", "circuit").state == "closed"
    assert issue(hass, "plex_refuses") is None


async def test_a_refused_token_of_the_plex_integration(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Send to where the token is from, and follow when it was mended there."""
    server = {"url": plex.url, "token": "wrong"}
    other = MockConfigEntry(
        domain="plex", unique_id="sim0001", data={"server_config": server}
    )
    other.add_to_hass(hass)
    entry = make_entry(plex, **{CONF_REUSE: True})
    await set_up(hass, entry)
    refused_soon(entry)
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    found = await until_issue(hass, "plex_refuses")
    assert found is not None
    assert found.severity is IssueSeverity.ERROR

    mended = {"server_config": server | {"token": plex.token}}
    hass.config_entries.async_update_entry(other, data=mended)
    await until(hass, lambda: plex.core.find(PATH).value("summary") == "x")
    await until_issue(hass, "plex_refuses", gone=True)


@pytest.mark.parametrize(
    ("key", "trouble"),
    [
        ("source_auth", {"credentials": True}),
        ("source_tripwire", {"tripwire": True}),
        ("source_migration", {"status": "NEEDS_MIGRATION"}),
        ("source_setup", {"status": "SETUP"}),
    ],
)
async def test_what_a_source_needs_its_owner_for(
    hass: HomeAssistant,
    plex: PlexSimulator,
    stash: StashSimulator,
    key: str,
    trouble: dict[str, Any],
) -> None:
    """Raise it, keep it while the source is away besides, and take it back."""
    if "status" in trouble:
        stash.status = trouble["status"]
    else:
        for name, value in trouble.items():
            setattr(stash.auth, name, value)
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    runner = entry.runtime_data.runners[SOURCE]
    found = await until_issue(hass, key, SOURCE)
    assert found is not None
    assert found.severity is IssueSeverity.ERROR
    assert found.translation_placeholders == {
        "name": "Cellar",
        "source": "Stash",
        "url": stash.url,
    }

    await stash.stop()
    runner.hurry()
    await until(
        hass,
        lambda: runner.fault == "unreachable",
        [EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED],
    )
    assert issue(hass, key, SOURCE)
    ir.async_ignore_issue(hass, DOMAIN, found.issue_id, True)
    await stash.start()
    assert await hass.config_entries.async_reload(entry.entry_id)
    runner = entry.runtime_data.runners[SOURCE]
    await until(hass, lambda: runner.connected is False, [EVENT_STATE_CHANGED])
    async_ask_owner(entry.runtime_data.host, entry.runtime_data.data)
    again = issue(hass, key, SOURCE)
    assert again is not None
    assert again.dismissed_version  # whoever ignores it is not shown it anew

    stash.status = "OK"
    stash.auth.credentials = stash.auth.tripwire = False
    runner.hurry()
    await until_issue(hass, key, SOURCE, gone=True)


async def test_a_source_without_an_address(hass: HomeAssistant) -> None:
    """Follow it like any other: not every source is a server."""
    source = ConfigSubentryData(
        data={},
        subentry_id=SOURCE,
        subentry_type="folder",
        title="Folder",
        unique_id=None,
    )
    entry = MockConfigEntry(domain=DOMAIN, entry_id=ENTRY, subentries_data=[source])
    entry.add_to_hass(hass)
    issues.async_follow_sources(hass, entry, {SOURCE: "setup"})
    assert issue(hass, "source_setup", SOURCE) is not None
    issues.async_follow_sources(hass, entry, {SOURCE: None})
    assert issue(hass, "source_setup", SOURCE) is None


async def test_a_key_that_is_refused_is_mended_from_its_repair(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    plex: PlexSimulator,
    stash: StashSimulator,
) -> None:
    """Lead to the form that asks for another key; the repair goes with its cause."""
    stash.auth.api_key = "another"
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash, api_key="old")))
    assert await until_issue(hass, "source_auth", SOURCE)
    _, ended = await fix(hass, hass_client, "source_auth", source=SOURCE)
    assert (ended["type"], ended["reason"]) == ("abort", "goes_on")
    kind, flow_id = ended["next_flow"]
    assert kind == "config_subentries_flow"
    result = hass.config_entries.subentries.async_get(flow_id)
    assert result["step_id"] == "reconfigure"
    result = await enter(hass, result, url=stash.url, api_key="another")
    result = await enter(hass, result, path_mappings=MAPPING)
    result = await enter(hass, result, **FIELDS)
    assert result["reason"] == "reconfigure_successful"
    await until_issue(hass, "source_auth", SOURCE, gone=True)

    stash.auth.api_key = "a third"
    entry.runtime_data.runners[SOURCE].hurry()
    assert await until_issue(hass, "source_auth", SOURCE)
    shown = await open_fix(hass, hass_client, "source_auth", SOURCE)
    assert await hass.config_entries.async_unload(entry.entry_id)
    ended = await answer_fix(hass_client, shown)
    assert (ended["type"], ended["reason"]) == ("abort", "not_loaded")


class Hands:
    """The hands of a clock, which a test may move on."""

    def __init__(self) -> None:
        """Begin with the real time."""
        self._ahead = 0.0

    def monotonic(self) -> float:
        """Give seconds."""
        return time.monotonic() + self._ahead

    def wall(self) -> float:
        """Give the time of day in seconds."""
        return time.time() + self._ahead

    def move(self, entry: MockConfigEntry, seconds: float) -> None:
        """Let time pass for an entry: waits end, and what is shown is looked at."""
        self._ahead += seconds
        entry.runtime_data.engine.circuit.notify()


@pytest.mark.parametrize(
    ("key", "field", "fault"),
    [
        ("edits_fail", "summary", {"method": "PUT"}),
        ("reads_fail", "summary", {"method": "GET", "path": r"/metadata/\d"}),
        ("pictures_fail", "poster", {"method": "POST"}),
        ("listing_fails", "summary", {"path": r"/sections/\d+/all", "method": "GET"}),
        ("collections_fail", "collections", {"path": r"/sections/\d+/collections"}),
    ],
)
async def test_one_repair_for_each_kind_of_call(
    hass: HomeAssistant,
    plex: PlexSimulator,
    key: str,
    field: str,
    fault: dict[str, Any],
) -> None:
    """Tell once after ten minutes, name nothing, and take it back when it works again."""
    picture = Path(hass.config.path("poster.png"))
    await hass.async_add_executor_job(picture.write_bytes, PNG)
    hass.config.allowlist_external_dirs = {str(picture.parent)}
    values = {"poster": str(picture), "collections": ["New"], "summary": "New."}
    hands = Hands()
    clock = Clock(hands.monotonic)
    with patch("custom_components.plexsync.coordinator.Clock", return_value=clock):
        entry = await set_up(hass, make_entry(plex))
    plex.faults.add("status", code=500, **fault)
    for film in FILMS[:3]:
        path = f"{PLEX_ROOT}/{film.path}"
        await call(hass, "sync_item", path=path, fields={field: values[field]})

    async def waits() -> int:
        jobs = (await call(hass, "get_jobs"))["jobs"]
        return sum(job["reason"] == key for job in jobs)

    async with asyncio.timeout(PATIENCE):
        while await waits() < 3:
            await asyncio.sleep(0.1)
    assert issue(hass, key) is None
    hands.move(entry, 601)
    found = await until_issue(hass, key)
    assert found is not None
    assert found.severity is IssueSeverity.WARNING
    assert not found.is_fixable
    assert found.translation_placeholders == {
        "name": "Cellar",
        "failing": "1",
        "libraries": "1",
    }
    mine = [issue for issue in ir.async_get(hass).issues if issue[0] == DOMAIN]
    assert len(mine) == 1
    assert state_of(hass, "sensor", "circuit").state == "closed"
    assert state_of(hass, "sensor", "failed").state == "0"

    plex.faults.clear()
    hands.move(entry, 1800)  # longer than it waits, though it may just have been tried
    await until_issue(hass, key, gone=True)
    hands.move(entry, 3600)
    await until_state(hass, "sensor", "synced", "3")


async def fail_with_pictures(
    hass: HomeAssistant, plex: PlexSimulator, hands: Hands
) -> MockConfigEntry:
    """Give an entry whose owner ignores that Plex refuses pictures."""
    picture = Path(hass.config.path("poster.png"))
    await hass.async_add_executor_job(picture.write_bytes, PNG)
    hass.config.allowlist_external_dirs = {str(picture.parent)}
    entry = await set_up_at(hass, make_entry(plex), hands)
    plex.faults.add("status", code=500, method="POST")
    for film in FILMS[:3]:
        path = f"{PLEX_ROOT}/{film.path}"
        await call(hass, "sync_item", path=path, fields={"poster": str(picture)})
    bulkheads = entry.runtime_data.engine.bulkheads
    await until(hass, bulkheads.failing)
    hands.move(entry, 601)
    found = await until_issue(hass, "pictures_fail")
    assert found is not None
    ir.async_ignore_issue(hass, DOMAIN, found.issue_id, True)
    return entry


async def set_up_at(
    hass: HomeAssistant, entry: MockConfigEntry, hands: Hands
) -> MockConfigEntry:
    """Load an entry that goes by these hands."""
    clock = Clock(hands.monotonic, hands.wall)
    with patch("custom_components.plexsync.coordinator.Clock", return_value=clock):
        return await set_up(hass, entry)


async def test_calls_that_still_fail_after_a_restart(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Whoever ignores the repair is not shown it anew."""
    hands = Hands()
    entry = await fail_with_pictures(hass, plex, hands)
    await stop_home(hass, entry)
    await set_up_at(hass, entry, hands)
    bulkheads = entry.runtime_data.engine.bulkheads

    def fails_again() -> bool:
        hands.move(entry, 5)  # each job that fails by itself waits for some seconds
        return bool(bulkheads.failing())

    await until(hass, fails_again)
    assert not is_active(hass, "pictures_fail")
    hands.move(entry, 601)
    await until(hass, lambda: is_active(hass, "pictures_fail"))
    found = issue(hass, "pictures_fail")
    assert found is not None
    assert found.dismissed_version

    plex.faults.clear()
    await stop_home(hass, entry)
    await set_up_at(hass, entry, hands)
    await until_issue(hass, "pictures_fail", gone=True)


async def test_calls_that_nobody_needs_any_more_after_a_restart(
    hass: HomeAssistant, plex: PlexSimulator
) -> None:
    """Their repair goes although none of them ever went well."""
    hands = Hands()
    entry = await fail_with_pictures(hass, plex, hands)
    assert await hass.config_entries.async_unload(entry.entry_id)
    for item in list(plex.core.items.values())[:3]:
        plex.core.remove_item(item)
    await set_up_at(hass, entry, hands)
    await until_issue(hass, "pictures_fail", gone=True)
    assert (await call(hass, "get_jobs"))["total"] == 3


async def test_scans_that_still_fail_after_a_restart(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Whoever ignores the repair is not shown it anew, though no job waits for a scan."""
    hands, path = Hands(), "films/New/New (1999).mkv"
    stash.core.add_scene(f"{STASH_ROOT}/{path}", title="New")
    plex.faults.add("status", code=500, path="/refresh$")
    options = StashOptions(scan_new=True).as_dict()
    subentry = stash_subentry(stash, fields=options)
    entry = await set_up_at(hass, make_entry(plex, subentry), hands)
    await until(hass, entry.runtime_data.engine.bulkheads.failing)
    hands.move(entry, 601)
    found = await until_issue(hass, "scans_fail")
    assert found is not None
    ir.async_ignore_issue(hass, DOMAIN, found.issue_id, True)

    async def come_again(*, fails: bool) -> None:
        await stop_home(hass, entry)
        await set_up_at(hass, entry, hands)
        bulkheads = entry.runtime_data.engine.bulkheads
        await until(hass, lambda: state_of(hass, "sensor", "pending").state == "1")
        await entry.runtime_data.async_refresh()
        assert issue(hass, "scans_fail") is not None

        def settled() -> bool:
            hands.move(entry, 60)  # the job comes back within two hours
            return bool(bulkheads.failing()) if fails else not bulkheads.in_doubt

        await until(hass, settled)

    await come_again(fails=True)
    hands.move(entry, 601)
    await until(hass, lambda: is_active(hass, "scans_fail"))
    found = issue(hass, "scans_fail")
    assert found is not None
    assert found.dismissed_version

    plex.faults.clear()
    await come_again(fails=False)
    await until_issue(hass, "scans_fail", gone=True)


async def test_a_repair_of_the_run_before_is_not_shown(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """No page leads to it until it is raised again."""
    subentry = stash_subentry(stash, **{CONF_START: START_PREVIEW})
    entry = await set_up(hass, make_entry(plex, subentry))
    await until_issue(hass, issues.PREVIEW_READY, SOURCE)
    asked = f"{issues.PREVIEW_READY}_{ENTRY}_{SOURCE}"
    assert issues.async_asked(hass, entry, issues.PREVIEW_READY, SOURCE) == asked
    await stop_home(hass, entry)
    assert issue(hass, issues.PREVIEW_READY, SOURCE) is not None
    assert issues.async_asked(hass, entry, issues.PREVIEW_READY, SOURCE) is None
    await set_up(hass, entry)
    await until(hass, lambda: is_active(hass, issues.PREVIEW_READY, SOURCE))
    assert issues.async_asked(hass, entry, issues.PREVIEW_READY, SOURCE) == asked


async def test_nothing_is_left_of_what_was_removed_after_a_restart(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Nor of repairs that were not raised again; those of others stay."""
    stash.status = "SETUP"
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    other = make_entry(plex, entry_id=f"{ENTRY}2")
    other.add_to_hass(hass)
    issues.async_follow(hass, other, issues.CIRCUIT_LOST, present=True)
    issues.async_follow(hass, entry, issues.CIRCUIT_LOST, present=True)
    await until_issue(hass, "source_setup", SOURCE)
    await stop_home(hass, entry)
    assert hass.config_entries.async_remove_subentry(entry, SOURCE)
    await set_up(hass, entry)
    await entry.runtime_data.async_refresh()
    assert issue(hass, "source_setup", SOURCE) is None

    issues.async_follow(hass, entry, issues.WRONG_SERVER, present=True)
    await stop_home(hass, entry)
    assert issue(hass, issues.WRONG_SERVER) is not None
    await hass.config_entries.async_remove(entry.entry_id)
    left = [key for domain, key in ir.async_get(hass).issues if domain == DOMAIN]
    assert left == [f"{issues.CIRCUIT_LOST}_{ENTRY}2"]


async def test_nothing_is_left_of_a_removed_source(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Take a source's repairs back with it."""
    stash.status = "SETUP"
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_issue(hass, "source_setup", SOURCE)
    assert hass.config_entries.async_remove_subentry(entry, SOURCE)
    await hass.async_block_till_done()
    await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    await until_issue(hass, "source_setup", SOURCE, gone=True)


async def test_nothing_is_left_of_a_removed_entry(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Take all repairs back with the entry."""
    stash.status = "SETUP"
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    await until_issue(hass, "source_setup", SOURCE)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_add_executor_job(database_path(hass, ENTRY).unlink)
    await set_up(hass, entry)
    await until_issue(hass, "ledger_lost")
    await hass.config_entries.async_remove(entry.entry_id)
    assert not [key for key in ir.async_get(hass).issues if key[0] == DOMAIN]


@pytest.mark.parametrize("is_set_up", [True, False])
async def test_repairs_of_an_entry_that_is_disabled_go_and_come_back(
    hass: HomeAssistant, plex: PlexSimulator, is_set_up: bool
) -> None:
    """Nothing can be mended there meanwhile; what is told only once stays."""
    key = "wrong_server" if is_set_up else "storage_too_new"
    entry = await set_up(hass, make_entry(plex))
    issues.async_follow(hass, entry, issues.CIRCUIT_LOST, present=True)
    if is_set_up:
        plex.core.identity.machine_identifier = "another"
        await call(hass, "sync_item", path=PATH, fields={"summary": "x"})
    else:
        assert await hass.config_entries.async_unload(entry.entry_id)
        await asyncio.to_thread(_make_newer, database_path(hass, ENTRY))
        assert not await hass.config_entries.async_setup(entry.entry_id)
    await until_issue(hass, key)
    await hass.config_entries.async_set_disabled_by(ENTRY, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert issue(hass, key) is None
    assert issue(hass, "circuit_lost") is not None
    await hass.config_entries.async_set_disabled_by(ENTRY, None)
    await until_issue(hass, key)


def _make_newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1000")
