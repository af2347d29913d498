"""Go through the review page by keyboard alone, and see in Plex what came of it."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from .browser import Page
from .flows import add_stash
from .running import Demo
from .servers import Scene
from .terminal import say

_MARK = " (walked)"
_SCENES = 6
_PATIENCE = 60.0
_FAR = 150  # tabs from one end of the page to the other
_FOCUS = "panel().activeElement"
_REST = 0.3  # seconds in which a page that moves the focus by itself has done so
_TITLES = "[...panel().querySelectorAll('.listing strong')]"
_DETAIL = "el.closest('.detail')"
_ROW = "el.matches('.listing [data-main]')"
_SEEN = f"""
(() => {{
  const el = {_FOCUS};
  if (!el) return "the focus is lost";
  const box = el.getBoundingClientRect();
  if (box.bottom <= 0 || box.top >= innerHeight) return "the focus is out of sight";
  if (getComputedStyle(el).outlineStyle === "none") return "the focus is not shown";
  return "";
}})()
"""
# What a change shows that it would write.
_SHOWN = """
Object.fromEntries([...panel().querySelectorAll(".detail .change")]
  .filter((each) => each.querySelector(".text"))
  .map((each) => [
    each.querySelector("h3").textContent.trim(),
    [...each.querySelector(".text").childNodes]
      .filter((node) => node.nodeName !== "DEL").map((node) => node.textContent).join(""),
  ]))
"""


class WalkError(Exception):
    """Something cannot be done by keyboard, or came to something else."""


def _expect(truth: object, what: str) -> None:
    if not truth:
        raise WalkError(what)


def _asked(truth: str) -> str:
    """Give the script that asks whether something is true of what has the focus."""
    return f"(() => {{ const el = {_FOCUS}; return Boolean(el && ({truth})); }})()"


class Walker:
    """Somebody without a mouse."""

    def __init__(self, page: Page, demo: Demo, folder: Path | None) -> None:
        """Begin where the page is."""
        self.page = page
        self._demo = demo
        self._folder = folder

    async def to(self, truth: str, *, back: bool = False) -> None:
        """Go to an element of which something is true."""
        for _ in range(_FAR):
            if await self.page.evaluate(_asked(truth)):
                await self.see(f"on the way to {truth}", truth)
                return
            await self.page.press("Tab", shift=back)
        raise WalkError(f"Tab does not lead to {truth}")

    async def to_text(self, text: str, *, back: bool = False) -> None:
        """Go to the element that says something."""
        await self.to(f"el.textContent.startsWith({json.dumps(text)})", back=back)

    async def press(self, *codes: str) -> None:
        """Press keys."""
        for code in codes:
            await self.page.press(code)

    async def see(self, when: str, truth: str = "true") -> None:
        """See where the focus is, once the page has come to rest."""
        await asyncio.sleep(_REST)
        problem = await self.page.evaluate(_SEEN)
        _expect(not problem, f"{when}: {problem}")
        if not await self.page.evaluate(_asked(truth)):
            where = await self.page.evaluate(f"{_FOCUS}.outerHTML.slice(0, 200)")
            raise WalkError(f"{when}: the focus went to {where}")

    async def until(self, text: str) -> None:
        """Wait until the page says something."""
        main = "panel().querySelector('main')"
        await self.page.until(f"{main}.textContent.includes({json.dumps(text)})")

    async def keep(self, name: str) -> None:
        """Keep a picture, where that was asked for."""
        if self._folder is not None:
            await self.page.settled()
            await self.page.picture(self._folder / f"walk-{name}.png")

    async def item(self, scene: Scene) -> dict[str, Any]:
        """Give what Plex has for a scene."""
        return await self._demo.plex.item(scene.path.replace("/media/", "/data/", 1))

    async def marked(self, scene: Scene) -> None:
        """Wait until Plex has what was shown for a scene."""
        wanted = {"title": scene.title + _MARK, "summary": scene.details + _MARK}
        await self._in_plex(scene, lambda found: wanted.items() <= found.items())

    async def unmarked(self, scene: Scene) -> None:
        """Wait until Plex has nothing of ours for a scene."""
        await self._in_plex(scene, lambda found: _MARK not in str(found))

    async def _in_plex(
        self, scene: Scene, wanted: Callable[[dict[str, Any]], bool]
    ) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not wanted(found := (await self.item(scene))["values"]):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise WalkError(f"In Plex stands {found}") from None


async def walk(page: Page, demo: Demo, folder: Path | None) -> None:
    """Do everything that the page is for without a mouse, in a demo of our own."""
    scenes = await _first_plan(demo)
    await page.go(f"{demo.place.home_url}/plexsync/plan")
    await page.until("!!window.panel?.()?.querySelector('.listing [data-main]')")
    walker = Walker(page, demo, folder)
    await _compute(walker)
    titles = await page.evaluate(f"{_TITLES}.map((each) => each.textContent)")
    rows = [scenes[title] for title in titles]
    await _search(walker, titles)
    await _write_one(walker, rows[0])
    await _write_two(walker, rows[1:3], rows[3:])
    await _take_back(walker)
    await _write_all(walker, demo, rows[3:])
    await _answer(demo)
    await _retry(walker, demo, rows[4])
    await _undo_one(walker, scenes)
    await _undo_run(walker, rows)
    say("All of it can be done by keyboard, and Plex has what was shown")


async def _first_plan(demo: Demo) -> dict[str, Scene]:
    """Have a few films wait for the answer to a first plan; give them by their titles."""
    entry = await _remove_stash(demo)
    scenes: dict[str, Scene] = {}
    for _ in range(_SCENES):
        scene = await demo.stash.next_scene()
        await demo.stash.edit(
            scene, title=scene.title + _MARK, details=scene.details + _MARK
        )
        scenes[scene.title] = scene
    await add_stash(demo.home, entry, demo.place.stash_url, start="preview")
    return scenes


async def _remove_stash(demo: Demo) -> str:
    """Remove the source, with all that was written left as it is; give the entry's id."""
    async with demo.home.connection() as connection, asyncio.timeout(_PATIENCE):
        (server,) = (await connection.command("plexsync/overview"))["servers"]
        entry = {"entry_id": server["config_entry_id"]}
        (stash,) = await connection.command("config_entries/subentries/list", **entry)
        await connection.command(
            "config_entries/subentries/delete",
            **entry,
            subentry_id=stash["subentry_id"],
        )
        while len(server["sources"]) > 1 or not server["loaded"]:
            await asyncio.sleep(0.1)
            (server,) = (await connection.command("plexsync/overview"))["servers"]
    return str(entry["entry_id"])


async def _compute(walker: Walker) -> None:
    await walker.to_text("Compute the plan")
    await walker.press("Enter")
    await walker.page.until("panel().querySelector('progress').hidden")
    await walker.until("Computed now")
    await walker.see("after a plan", "el.textContent === 'Compute the plan'")


async def _search(walker: Walker, titles: list[str]) -> None:
    """Search for a title, and for none again."""
    await walker.to("el.name === 'search'")
    await walker.page.command("Input.insertText", text=titles[0])
    await walker.page.until(f"{_TITLES}.length === 1")
    await walker.see("while one types", "el.name === 'search'")
    await walker.press(*["Backspace"] * len(titles[0]))
    await walker.page.until(f"{_TITLES}.length === {len(titles)}")
    await walker.see("when all are shown", "el.name === 'search'")


async def _write_one(walker: Walker, scene: Scene) -> None:
    """Write one item, but for a field that is left alone."""
    page = walker.page
    before = await walker.item(scene)
    await walker.to(_ROW)
    await walker.press("Enter")
    await page.until("!!panel().querySelector('.detail .change')")
    await walker.see("when a row opens", _DETAIL)
    await walker.to("el.matches('summary') && el.textContent.includes('Summary')")
    await walker.press("Enter")
    await walker.to_text("For this item")
    await walker.keep("leave")
    await walker.press("Enter")
    await walker.until("Take back")
    await walker.see("when a field is left alone", _DETAIL)
    shown = await page.evaluate(_SHOWN)
    _expect(shown == {"Title": scene.title + _MARK}, f"what is shown is {shown}")
    await walker.to_text("Write this", back=True)
    await walker.press("Enter")
    await walker.until("Nothing would be written.")
    await walker.see("when an item was written", _DETAIL)
    after = await walker.item(scene)
    _expect(after["values"]["title"] == shown["Title"], "the title is another one")
    _expect(
        _other_than_title(after) == _other_than_title(before),
        f"{before} became {after}",
    )
    await walker.keep("written")
    await walker.to_text("Close")
    await walker.press("Enter")
    await page.until("!panel().querySelector('.two.open')")
    await walker.see("when a row closes", _ROW)


def _other_than_title(item: dict[str, Any]) -> dict[str, Any]:
    """Give what writing a title leaves as it is."""
    values = {
        name: value
        for name, value in item["values"].items()
        if name not in {"title", "titleSort", "updatedAt"}
    }
    locks = set(item["locks"]) - {"title", "titleSort"}
    return {**item, "values": values, "locks": locks}


async def _write_two(walker: Walker, two: list[Scene], others: list[Scene]) -> None:
    """Select two rows and write them, not at the first asking."""
    for _ in two:
        await walker.to("el.matches('[type=checkbox]')", back=True)
        await walker.press("Space")
        await walker.see("when a row is selected", "el.matches(':checked')")
        await walker.press("ArrowDown")
        await walker.see("after an arrow", _ROW)
    await walker.to_text("Write the 2 selected", back=True)
    await walker.press("Enter")
    await walker.page.until("!!panel().querySelector('dialog[open]')")
    await walker.see("in the question", "el.textContent === 'Cancel'")
    await walker.keep("sure")
    await walker.press("Escape")
    await walker.see("after Escape", "el.textContent === 'Write the 2 selected'")
    await walker.press("Enter")
    await walker.to_text("Write")
    await walker.press("Enter")
    for scene in two:
        await walker.marked(scene)
    await walker.page.until(f"{_TITLES}.length === {len(others)}")
    await walker.see("when two were written", "el.matches('[data-tool=chosen]')")
    for scene in others:
        await walker.unmarked(scene)


async def _take_back(walker: Walker) -> None:
    """Take back what was left alone."""
    await walker.to_text("Left alone…", back=True)
    await walker.press("Enter")
    await walker.until("Take back")
    await walker.see("in what is left alone", "el.matches('h2')")
    await walker.to_text("Take back")
    await walker.press("Enter")
    await walker.until("Nothing is left alone.")
    await walker.see("when a field was taken back", "el.matches('h2')")
    await walker.to_text("Close")
    await walker.press("Enter")
    await walker.see("when that closes", "el.textContent === 'Left alone…'")


async def _write_all(walker: Walker, demo: Demo, rows: list[Scene]) -> None:
    """Write what is left, of which Plex refuses one."""
    refused = rows[1]
    await demo.plex.refuse_edits((await walker.item(refused))["ratingKey"])
    await walker.to_text("Write all…")
    await walker.press("Enter")
    await walker.page.until("!!panel().querySelector('dialog[open]')")
    await walker.to_text("Write")
    await walker.press("Enter")
    for scene in rows:
        if scene is not refused:
            await walker.marked(scene)
    await walker.page.until(f"{_TITLES}.length === 1")
    await walker.see("when all were written", "el.matches('[data-tool=all]')")
    await walker.unmarked(refused)


async def _answer(demo: Demo) -> None:
    """Answer the first plan: what is retried may be written."""
    async with demo.home.connection() as connection:
        (server,) = (await connection.command("plexsync/overview"))["servers"]
        await connection.command(
            "plexsync/hold/answer",
            config_entry_id=server["config_entry_id"],
            source=server["sources"][-1]["id"],
            hold="first_plan",
        )


async def _retry(walker: Walker, demo: Demo, refused: Scene) -> None:
    """Look at what failed, and retry it."""
    group = "summary[data-group^=failed]"
    await walker.to("el.matches('[data-view=needs]')", back=True)
    await walker.press("Enter")
    await walker.page.until(f"!!panel().querySelector('{group}')")
    await walker.see("when a tab opens", "el.matches('[data-view=needs]')")
    await walker.to(f"el.matches('{group}')")
    await walker.press("Enter")
    await walker.page.until("!!panel().querySelector('[data-main]')")
    await walker.to("el.matches('[data-main]')")
    await walker.press("Enter")
    await walker.page.until("!!panel().querySelector('dialog[open]')")
    await walker.see("in a job", "!!el.closest('dialog')")
    await walker.keep("job")
    await walker.press("Escape")
    await walker.see("when a job closes", "el.matches('[data-main]')")
    await demo.plex.refuse_nothing()
    await walker.to_text("Retry")
    await walker.press("Enter")
    await walker.marked(refused)
    await walker.page.until(f"!panel().querySelector('{group}')")
    await walker.see("when the last one was retried")


async def _undo_one(walker: Walker, scenes: dict[str, Scene]) -> None:
    """Take back what was written to an item."""
    page = walker.page
    await walker.to("el.matches('[data-view=history]')", back=True)
    await walker.press("Enter")
    await page.until("!!panel().querySelector('.listing [data-main]')")
    await walker.to(_ROW)
    await walker.press("ArrowDown")
    title = await page.evaluate(f"{_FOCUS}.querySelector('strong').textContent")
    await walker.press("Enter")
    await page.until("!!panel().querySelector('.detail .change')")
    await walker.to_text("Undo all of this item")
    await walker.keep("history")
    await walker.press("Enter")
    await page.until("!!panel().querySelector('dialog[open] .change')")
    await walker.see("in the question", "el.textContent === 'Cancel'")
    await walker.keep("undo")
    await walker.to("el.closest('dialog') && el.textContent === 'Undo'")
    await walker.press("Enter")
    await walker.unmarked(scenes[title.removesuffix(_MARK)])
    await page.until("!panel().querySelector('.two.open')")
    await walker.see("when an item was undone", _ROW)


async def _undo_run(walker: Walker, rows: list[Scene]) -> None:
    """Take back a run."""
    await walker.to("el.name === 'by'", back=True)
    await walker.press("ArrowDown")
    await walker.page.until("!panel().querySelector('.filters [type=date]')")
    await walker.see("when runs are shown", "el.name === 'by'")
    await walker.to("el.matches('.listing button') && el.textContent === 'Undo'")
    await walker.press("Enter")
    await walker.page.until("!!panel().querySelector('dialog[open]')")
    await walker.to("el.closest('dialog') && el.textContent === 'Undo'")
    await walker.press("Enter")
    for scene in rows:
        await walker.unmarked(scene)
    await walker.until("Undone")
    await walker.see("when a run was undone", "!!el.closest('.listing')")
    await walker.keep("undone")
