"""One path to a plan, over real HTTP: what breaks a shared read keeps nobody else."""

import pytest

from custom_components.plexsync.engine.look.look import Look
from custom_components.plexsync.engine.model.holds import READING
from custom_components.plexsync.engine.model.record import Find
from custom_components.plexsync.engine.plan.lookup_result import LookupResult
from tests.rig import Rig


async def _look(rig: Rig, count: int) -> list[LookupResult]:
    lookups = [
        LookupResult(Find((rig.path(number),))) for number in range(1, count + 1)
    ]
    engine = rig.engine
    async with engine.admission.calls(READING) as calls:  # as preview does
        await Look(engine.common, calls).find(lookups)
    return lookups


@pytest.fixture
async def quiet(rig: Rig) -> Rig:
    """Give a rig that knows its library and does nothing by itself."""
    await rig.submit(rig.records(1))
    await rig.drained()
    await rig.halt()
    rig.plex.journal.clear()
    return rig


async def test_a_poisoned_item_is_found_by_halving(quiet: Rig) -> None:
    """One of a hundred cannot be read; the others are."""
    quiet.plex.faults.add("poison", rating_key=quiet.item(42).rating_key, reads=True)
    lookups = await _look(quiet, 100)
    assert [n for n, lookup in enumerate(lookups, 1) if lookup.item is None] == [42]
    assert lookups[41].reason == "error_500"
    # Each failed half asks the probe, which is two requests.
    assert quiet.plex.journal.count(path="/library/metadata") <= 16


async def test_a_missing_one_that_spoils_the_answer(quiet: Rig) -> None:
    """A server that says 404 to all where one is gone."""
    quiet.plex.core.switches.partial_multi_get = False
    quiet.plex.core.remove_item(quiet.item(7))
    lookups = await _look(quiet, 19)
    found = [lookup.item is not None for lookup in lookups]
    assert found.count(False) <= 1


async def test_a_proxy_with_little_room(quiet: Rig) -> None:
    """It gets shorter reads, and is asked for longer ones no more."""
    quiet.plex.core.switches.max_request_line = 150
    assert all(lookup.item for lookup in await _look(quiet, 100))
    quiet.plex.journal.clear()
    assert all(lookup.item for lookup in await _look(quiet, 100))
    statuses = {entry.status for entry in quiet.plex.journal}
    assert statuses == {200}


async def test_where_all_fail_they_are_not_asked_one_by_one(quiet: Rig) -> None:
    """A few halves, three alone; then all of their kind wait."""
    quiet.plex.faults.add("status", code=500, path="/library/metadata")
    lookups = await _look(quiet, 100)
    assert {lookup.reason for lookup in lookups} == {"error_500", "reads_fail"}
    assert quiet.plex.journal.count(path="/library/metadata") <= 20


async def test_an_ambiguous_match_is_believed_only_when_it_is_read(quiet: Rig) -> None:
    """One of two items that had the guid is gone: the other one is it."""
    section = next(iter(quiet.plex.core.sections.values()))
    twin, other = (
        quiet.plex.core.add_item(section, name, guids=("imdb://tt9",))
        for name in ("Twin", "Other")
    )
    find = Find(guids=("imdb://tt9",))
    lookup = await _look_for(quiet, find)
    assert lookup.reason == "ambiguous"
    assert set(lookup.candidates) == {str(twin.rating_key), str(other.rating_key)}
    quiet.plex.core.remove_item(twin)
    lookup = await _look_for(quiet, find)
    assert lookup.item is not None
    assert lookup.item.rating_key == str(other.rating_key)


async def test_one_of_two_items_that_had_the_file_is_gone(quiet: Rig) -> None:
    """The other one is all there is, without anything said of the first."""
    core, first = quiet.plex.core, quiet.item(1)
    section, find = next(iter(core.sections.values())), Find((quiet.path(1),))
    twin = core.add_item(section, "Twin", file=quiet.path(1))
    await quiet.server.forget([str(first.rating_key)])
    lookup = await _look_for(quiet, find)
    wanted = {str(first.rating_key), str(twin.rating_key)}
    assert {target.rating_key for target in lookup.targets} == wanted
    core.catalog.remove(first)
    lookup = await _look_for(quiet, find)
    assert [each.rating_key for each in lookup.targets] == [str(twin.rating_key)]


async def _look_for(rig: Rig, find: Find) -> LookupResult:
    lookup = LookupResult(find)
    async with rig.engine.admission.calls(READING) as calls:
        await Look(rig.engine.common, calls).find([lookup])
    return lookup
