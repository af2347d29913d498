"""What needs a person on the review page: made in Plex, and mended by keyboard alone."""

from dataclasses import dataclass
import json

from .running import Demo
from .servers import Scene
from .terminal import say
from .walker import MARK, PATIENCE, Walker, expect

_GUID = "imdb://tt0000417"
_TAGLINE = f"By an automation{MARK}"
_DIALOG = "panel().querySelector('dialog[open]')"
_ROWS = "panel().querySelectorAll('details[open] [data-main]')"


@dataclass(frozen=True, slots=True)
class Troubles:
    """What needs somebody, by what Plex does."""

    twins: list[Scene]  # their items are taken for one film, which an automation names
    merged: list[Scene]  # their items were made one
    refused: Scene  # its item may not be edited


async def make_troubles(demo: Demo) -> Troubles:
    """Let a record be ambiguous, one share its item, and one be refused."""
    plex, scenes = demo.plex, await demo.stash.next_scenes(5)
    keys = [(await plex.item(scene.in_plex))["ratingKey"] for scene in scenes]
    for key in keys[:2]:
        await plex.identify(key, _GUID)
    await plex.merge(*keys[2:4])
    await plex.refuse_edits(keys[4])
    for scene in scenes[2:]:
        await demo.stash.mark(scene, MARK)
    await demo.home.act("plexsync.sync_item", guid=_GUID, fields={"tagline": _TAGLINE})
    entities = await demo.entities()
    await demo.home.until(entities["sensor.failed"], "2".__eq__, PATIENCE)
    await demo.home.until(entities["sensor.pending"], "0".__eq__, PATIENCE)
    say("One record is ambiguous, one shares its item, and one is refused")
    return Troubles(scenes[:2], scenes[2:4], scenes[4])


async def mend(walker: Walker, demo: Demo, troubles: Troubles) -> None:
    """Pick an item for each record that needs one, and retry the other."""
    await _pick_twin(walker, troubles.twins)
    await _pick_shared(walker, troubles.merged)
    await demo.plex.refuse_nothing()
    await _open_group(walker, "failed:bad_request")
    await walker.to_text("Retry all")
    await walker.press("Enter")
    await walker.marked(troubles.refused)
    await walker.page.until("!panel().querySelector('[data-group^=failed]')")
    await walker.page.until("!panel().querySelector('[data-view=needs] .count')")
    await walker.see("when nothing needs anybody")
    say("What was ambiguous, shared and refused was mended by keyboard")


async def _pick_twin(walker: Walker, twins: list[Scene]) -> None:
    """Tie the automation's record to the second of the items that fit."""
    other, meant = (twin.in_plex for twin in twins)
    await _pick(walker, meant, candidates=2)
    await walker.in_plex(meant, lambda found: found.get("tagline") == _TAGLINE)
    await walker.in_plex(other, lambda found: "tagline" not in found)
    await walker.page.until("!panel().querySelector('[data-group$=ambiguous]')")
    await walker.see("when an item was picked")


async def _pick_shared(walker: Walker, merged: list[Scene]) -> None:
    """Let an item follow the other one of its two records."""
    await _open_group(walker, "skipped:shared_item")
    file = await walker.page.evaluate(f"{_ROWS}[0].querySelector('strong').textContent")
    (scene,) = (each for each in merged if each.path.endswith(file))
    before = (await walker.item(scene))["values"]["title"]
    expect(before != scene.title + MARK, "the item follows both of its records")
    await _pick(walker, scene.in_plex, candidates=1)
    await walker.marked(scene)
    await walker.see("when the item follows another one")


async def _open_group(walker: Walker, group: str) -> None:
    summary = f"summary[data-group={json.dumps(group)}]"
    await walker.page.until(f"!!panel().querySelector('{summary}')")
    await walker.to(f"el.matches('{summary}')")
    await walker.press("Enter")
    await walker.page.until(f"{_ROWS}.length > 0")


async def _pick(walker: Walker, path: str, *, candidates: int) -> None:
    """Open the first row, and tie it to the item that has a file."""
    await walker.to("el.matches('details[open] [data-main]')")
    await walker.press("Enter")
    await walker.page.until(
        f"{_DIALOG}?.querySelectorAll('.candidate').length === {candidates}"
    )
    await walker.keep(f"candidates-{candidates}")
    await walker.to(f"el.closest('.candidate')?.textContent.includes({path!r})")
    await walker.press("Enter")
    await walker.page.until(f"!{_DIALOG}")
