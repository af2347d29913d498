"""An undo, while a part of Plex is sick: all else is restored."""

import pytest

from custom_components.plexsync.engine.model.record import Find, Image
from tests.rig import Rig

FEW = 5


def titles(rig: Rig) -> list[str]:
    """Give the titles of the first films."""
    return [rig.item(number).title for number in range(1, FEW + 1)]


@pytest.mark.parametrize("many", [False, True])
async def test_pictures_that_fail_keep_nothing_else(rig: Rig, many: bool) -> None:
    """They are named, and the undo can be asked for again."""
    before = titles(rig)
    await rig.submit(rig.records(FEW, poster=Image("/p", "a")))
    await rig.drained()
    rig.plex.faults.add("status", code=500, path=r"/posters?$")
    if many:
        items, fields, kept = await rig.engine.undo_runs.undo_since(0)
        assert (items, fields, sum(kept.values())) == (FEW, FEW * 4, FEW)
        assert titles(rig) == before
    else:
        plan = await rig.engine.undoing.plan(str(rig.item(1).rating_key))
        assert plan.kept == {"poster": "error_500"}
        _, restored, why = await rig.engine.undoing.undo(
            Find((rig.path(1),)), shown=plan.digest
        )
        assert "title" in restored
        assert why.keys() == {"poster"}
    rig.plex.faults.clear()
    _, restored, why = await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert (restored, why) == (["poster"], {})


async def test_collections_that_fail_keep_nothing_else(rig: Rig) -> None:
    """The item stays in those that others made, and no other item waits for it."""
    before = titles(rig)
    rig.plex.core.edit_by_person(rig.item(FEW + 1).rating_key, collections=["Theirs"])
    await rig.submit(rig.records(1, collections=("Theirs",)))
    await rig.submit(rig.records(FEW)[1:])
    await rig.drained()
    rig.plex.faults.add("status", code=500, path=r"/sections/\d+/collections")
    plan = await rig.engine.undoing.plan(str(rig.item(1).rating_key))
    assert plan.kept == {"collections": "collections_fail"}
    items, fields, kept = await rig.engine.undo_runs.undo_since(0)
    assert (items, fields, kept) == (FEW, FEW * 4, {"collections_fail": 1})
    assert titles(rig) == before
    assert rig.item(1).tag_names("collection") == ["Theirs"]
    rig.plex.faults.clear()
    rig.engine.bulkheads.clear()
    await rig.engine.undoing.undo(Find((rig.path(1),)))
    assert rig.item(1).tag_names("collection") == []
