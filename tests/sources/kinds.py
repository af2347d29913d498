"""Every kind of change that a Stash knows of, and who sees it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from custom_components.plexsync.sources.stash.stash import StashOptions
from tests.simulators.stash import Kind as Of, StashCore

from .arrivals import BARE, FILMS, PAIR, Arrivals, cover, path

type Deed = Callable[[StashCore], object]
type Act = Callable[[Arrivals], Awaitable[None]]

# Covers are fetched only where they matter: each costs requests.
USUAL = StashOptions(code_to="original_title", poster=False)
COVERS = replace(USUAL, poster=True)
ORGANIZED = replace(USUAL, organized_only=True)
KIN = replace(USUAL, tag_parents=True, network_collection=True, role="alias")


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change: what is done, and whether a poll sees it.

    ``earlier`` is done a while before, and arrives before the change. ``goes`` says that
    a scene is gone afterwards. ``recorded`` is the operation of the recorded lives that
    is the same.
    """

    name: str
    act: Deed | Act
    polled: bool = True
    recorded: str = ""
    goes: bool = False
    earlier: Deed | Act | None = None
    options: StashOptions = USUAL


def edit(film: int = 1, **fields: object) -> Deed:
    """Save a scene's page with other values."""
    return lambda core: core.edit_scene(film, **fields)  # type: ignore[arg-type]


def renamed(kind: Of, name: str) -> Deed:
    """Rename what scenes refer to."""
    return lambda core: core.edit_object(kind, name, name=f"New {name}")


def destroyed(kind: Of, name: str) -> Deed:
    """Delete what scenes refer to."""
    return lambda core: core.delete_object(kind, name)


def bulk_edit(core: StashCore) -> None:
    """Change all scenes at once."""
    with core.store.transaction():
        for film in range(1, FILMS + 1):
            core.edit_scene(film, tags=["Bulk"])


async def twice(life: Arrivals) -> None:
    """Edit a scene, look at once, edit it again within the same second."""
    life.core.edit_scene(1, title="First")
    await life.poll()
    life.clock.tick(0.2)
    life.core.edit_scene(1, title="Second")


async def cover_of_a_second(life: Arrivals) -> None:
    """Edit a scene, look at once, change its cover within the same second."""
    life.core.edit_scene(1, title="First")
    await life.poll()
    life.clock.tick(0.2)
    life.core.set_cover(1, cover("new"))


async def two_covers(life: Arrivals) -> None:
    """Change a cover, look at once, change it again within the same second."""
    life.core.set_cover(1, cover("first"))
    await life.poll()
    life.clock.tick(0.2)
    life.core.set_cover(1, cover("second"))


async def scan_with_covers(life: Arrivals) -> None:
    """Find a new file; its cover comes a moment after a look."""
    life.core.put(path(FILMS + 1))
    life.core.scan()
    await life.poll()
    life.clock.tick(0.2)
    life.core.generate_covers([FILMS + 1])


def scan(core: StashCore) -> None:
    """Find a new file, and say at once what it is."""
    core.put(path(FILMS + 1))
    core.scan()
    core.edit_scene(FILMS + 1, title="Found", tags=["Drama"])


def scan_for_covers(core: StashCore) -> None:
    """Find a new file, of which nothing but its cover is known."""
    core.put(path(FILMS + 1))
    core.scan(covers=True)


def moved(core: StashCore) -> None:
    """Move a file on the disk, and let a scan find it."""
    core.move(path(1), path(1, " moved"))
    core.scan()


def copied(core: StashCore) -> None:
    """Copy a file on the disk, and let a scan find it."""
    core.copy(path(1), path(1, " copy"))
    core.scan()


def lost_on_the_disk(core: StashCore, film: int) -> None:
    """Delete a file on the disk, and let Clean see it."""
    core.remove(path(film))
    core.clean()


def other_primary(core: StashCore) -> None:
    """Make the second file of a scene its primary one."""
    core.set_primary(PAIR, core.file_id(path(PAIR, " B")))
    core.edit_scene(PAIR)


def auto_tag(core: StashCore) -> None:
    """Let Stash add what it finds in the paths."""
    core.auto_tag({Of.TAG: ["*"]})


def off_its_parent(core: StashCore) -> None:
    """Take a tag away on its parent's page: only the parent's time moves."""
    core.store.run("DELETE FROM tags_relations")
    core.edit_object(Of.TAG, "Kind")


async def keep(life: Arrivals) -> None:
    """Copy the database, and go on editing."""
    life.kept = life.core.store.copy()
    life.clock.tick(1)
    life.core.edit_scene(1, title="After the copy", tags=["Lost"])
    life.core.edit_object(Of.PERFORMER, life.ann, name="After the copy")
    life.core.add_scene(path(FILMS + 1), title="Lost")


async def keep_the_latest(life: Arrivals) -> None:
    """Edit, copy the database within the same hour, and go on editing."""
    life.core.edit_scene(1, title="Before the copy")
    life.core.edit_object(Of.PERFORMER, "Ann", name="Before the copy")
    await keep(life)


async def restore(life: Arrivals) -> None:
    """Bring the copy back."""
    assert life.kept is not None
    life.core.store.restore(life.kept)


async def lose(life: Arrivals) -> None:
    """Start with an empty database, and let a scan find all files, in another order."""
    empty = StashCore(clock=life.clock)
    life.core.store.restore(empty.store.connection)
    empty.close()
    for film in range(FILMS, 0, -1):
        life.core.add_scene(path(film))


async def ahead(life: Arrivals) -> None:
    """Edit a scene while the server's clock is two hours ahead."""
    life.clock.time += 7200
    life.core.edit_scene(1, title="From the future")


async def back(life: Arrivals) -> None:
    """Edit the scene again once the clock is right."""
    life.clock.time -= 7200
    life.core.edit_scene(1, title="From now")


async def another_back(life: Arrivals) -> None:
    """Edit another scene once the clock is right."""
    life.clock.time -= 7200
    life.core.edit_scene(2, title="From now")


async def elsewhere(life: Arrivals) -> None:
    """Restart the server in a zone further west."""
    life.core.set_zone(timedelta(hours=-11))
    life.core.edit_scene(1, title="From the west")


KINDS = (
    Change("title edited", edit(title="New"), recorded="sceneUpdate: title"),
    Change("title emptied", edit(title=""), recorded='sceneUpdate: title emptied ("")'),
    Change("details edited", edit(details="New"), recorded="sceneUpdate: details"),
    Change(
        "details emptied",
        edit(details=""),
        recorded='sceneUpdate: details emptied ("")',
    ),
    Change("date edited", edit(date="2010-11-12"), recorded="sceneUpdate: date"),
    Change("date cut to a year", edit(date="2020"), recorded="sceneUpdate: date 2020"),
    Change("rating edited", edit(rating100=95), recorded="sceneUpdate: rating100"),
    Change(
        "rating taken away",
        edit(rating100=None),
        recorded="sceneUpdate: rating100 emptied (null)",
    ),
    Change("studio code edited", edit(code="New"), recorded="sceneUpdate: code"),
    Change("director edited", edit(director="New"), recorded="sceneUpdate: director"),
    Change(
        "marked as organized, with `organized_only`",
        edit(BARE, organized=True),
        recorded="sceneUpdate: organized",
        options=ORGANIZED,
    ),
    Change(
        "tag added",
        edit(tags=["Drama", "Tag 1", "New"]),
        recorded="sceneUpdate: tag_ids",
    ),
    Change(
        "tag removed", edit(tags=["Drama"]), recorded="sceneUpdate: the same tag twice"
    ),
    Change(
        "all tags removed",
        edit(tags=[]),
        recorded="sceneUpdate: tag_ids emptied ([])",
    ),
    Change(
        "performer added",
        edit(performers=["Ann", "Player 1", "New"]),
        recorded="sceneUpdate: performer_ids",
    ),
    Change(
        "performers removed",
        edit(performers=[]),
        recorded="sceneUpdate: performer_ids emptied ([])",
    ),
    Change("studio set", edit(studio="New"), recorded="sceneUpdate: studio_id"),
    Change(
        "studio cleared",
        edit(studio=None),
        recorded="sceneUpdate: studio_id emptied (null)",
    ),
    Change("group added", edit(2, groups=["Series"]), recorded="sceneUpdate: groups"),
    Change(
        "groups removed", edit(groups=[]), recorded="sceneUpdate: groups emptied ([])"
    ),
    Change(
        "cover set",
        edit(BARE, cover=cover("new")),
        recorded="sceneUpdate: cover set, had none",
        options=COVERS,
    ),
    Change(
        "cover replaced",
        edit(cover=cover("new")),
        recorded="sceneUpdate: cover replaced",
        options=COVERS,
    ),
    Change(
        "cover made by Generate",
        lambda core: core.generate_covers([BARE]),
        recorded="metadataGenerate: covers, missing ones",
        options=COVERS,
    ),
    Change(
        "cover replaced within the second of an edit that was seen",
        cover_of_a_second,
        options=COVERS,
    ),
    Change(
        "cover replaced twice within a second",
        two_covers,
        recorded="sceneUpdate: second cover in the same second",
        options=COVERS,
    ),
    Change(
        "all scenes edited at once", bulk_edit, recorded="bulkSceneUpdate: tags ADD"
    ),
    Change(
        "edited twice within a second",
        twice,
        recorded="sceneUpdate: title twice in one second, second",
    ),
    Change(
        "tags added by Auto Tag",
        auto_tag,
        recorded="metadataAutoTag: tags",
        earlier=lambda core: core.ensure(Of.TAG, "Film"),
    ),
    Change(
        "performer renamed",
        renamed(Of.PERFORMER, "Ann"),
        recorded="performerUpdate: renamed",
    ),
    Change("tag renamed", renamed(Of.TAG, "Drama"), recorded="tagUpdate: renamed"),
    Change(
        "studio renamed",
        renamed(Of.STUDIO, "House 1"),
        recorded="studioUpdate: renamed",
    ),
    Change(
        "group renamed", renamed(Of.GROUP, "Series"), recorded="groupUpdate: renamed"
    ),
    Change(
        "performer's first alias edited, with `role`",
        lambda core: core.edit_object(Of.PERFORMER, "Ann", aliases=["Nan"]),
        options=KIN,
    ),
    Change(
        "tag's parent renamed, with `tag_parents`",
        renamed(Of.TAG, "Kind"),
        options=KIN,
    ),
    Change(
        "tag taken off its parent, on the parent's page, with `tag_parents`",
        off_its_parent,
        polled=False,
        options=KIN,
    ),
    Change(
        "studio's parent renamed, with `network_collection`",
        renamed(Of.STUDIO, "Network"),
        recorded="studioUpdate: its parent renamed",
        options=KIN,
    ),
    Change(
        "tags merged",
        lambda core: core.merge_tags(["Tag 1"], "Tag 2"),
        polled=False,
        recorded="tagsMerge: both on the same scene, or the source alone",
    ),
    Change(
        "performers merged (from 0.31 on)",
        lambda core: core.merge_performers(["Player 1"], "Player 2"),
    ),
    Change(
        "tag deleted",
        destroyed(Of.TAG, "Drama"),
        polled=False,
        recorded="tagDestroy",
    ),
    Change(
        "performer deleted",
        destroyed(Of.PERFORMER, "Ann"),
        polled=False,
        recorded="performerDestroy",
    ),
    Change(
        "studio deleted",
        destroyed(Of.STUDIO, "House 1"),
        polled=False,
        recorded="studioDestroy",
    ),
    Change(
        "group deleted",
        destroyed(Of.GROUP, "Series"),
        polled=False,
        recorded="groupDestroy",
    ),
    Change(
        "file moved on the disk, and scanned",
        moved,
        polled=False,
        recorded="file moved on the disk, then scan",
    ),
    Change(
        "file renamed by Stash",
        lambda core: core.move_file(path(1), path(1, " renamed")),
        polled=False,
        recorded="moveFiles: another name",
    ),
    Change(
        "second file found by a scan",
        copied,
        recorded="identical copy of a file, then scan",
    ),
    Change(
        "second file deleted",
        lambda core: core.delete_file(core.file_id(path(PAIR, " B"))),
        polled=False,
        recorded="deleteFiles: a second file",
    ),
    Change(
        "second file assigned to another scene",
        lambda core: core.assign_file(1, path(PAIR, " B")),
        polled=False,
        recorded="sceneAssignFile: a second file to another scene",
    ),
    Change(
        "primary file changed",
        other_primary,
        recorded="sceneUpdate: primary file changed",
    ),
    Change(
        "scene found by a scan, and identified",
        scan,
        recorded="scan: new files, no covers",
    ),
    Change(
        "scene found by a scan, of which only a cover is known",
        scan_for_covers,
        recorded="scan: new files, covers",
        options=COVERS,
    ),
    Change(
        "scene found by a scan, and its cover made within the same second",
        scan_with_covers,
        options=COVERS,
    ),
    Change(
        "scenes merged",
        lambda core: core.merge_scenes([2], 1, title="Merged"),
        goes=True,
        recorded="sceneMerge: two scenes with files, with values",
    ),
    Change(
        "primary file of two deleted on the disk, and cleaned",
        lambda core: lost_on_the_disk(core, PAIR),
    ),
    Change(
        "only file deleted on the disk, and cleaned",
        lambda core: lost_on_the_disk(core, 2),
        polled=False,
        goes=True,
        recorded="metadataClean",
    ),
    Change(
        "scene deleted",
        lambda core: core.delete_scene(2),
        polled=False,
        goes=True,
        recorded="scenesDestroy: with the file",
    ),
    Change(
        "scenes imported, under other ids",
        lambda core: core.import_all({n: FILMS + 1 - n for n in range(1, FILMS + 1)}),
        polled=False,
        recorded="metadataImport",
        options=COVERS,
    ),
    Change(
        "database restored, whose last edits are of this day",
        restore,
        goes=True,
        earlier=keep_the_latest,
    ),
    Change(
        "database restored, whose last edits are of weeks ago",
        restore,
        polled=False,
        goes=True,
        earlier=keep,
    ),
    Change("database lost, and all scanned anew", lose, options=COVERS),
    Change("edited with the clock two hours ahead", ahead),
    Change("edited again after the clock was two hours ahead", back, earlier=ahead),
    Change("another one edited after the clock was ahead", another_back, earlier=ahead),
    Change("edited after the server moved to another zone", elsewhere),
)
