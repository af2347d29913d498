"""Review a first plan, retry and undo by keyboard alone, and see in Plex what came of it."""

import asyncio
from typing import Any

from .flows import add_stash, begin
from .running import Demo
from .servers import Scene
from .terminal import say
from .walker import FOCUS, MARK, PATIENCE, ROW, Walker, expect

_SCENES = 6
_TITLES = "[...panel().querySelectorAll('.listing strong')]"
_DETAIL = "el.closest('.detail')"
_SEARCHED = "panel().querySelector('[name=search]').value"
# What a change shows that it would write.
_SHOWN = """
Object.fromEntries([...panel().querySelectorAll(".detail .change")]
  .filter((each) => each.querySelector(".text"))
  .map((each) => [
    each.querySelector("h3").firstChild.textContent.trim(),
    [...each.querySelector(".text").childNodes]
      .filter((node) => node.nodeName !== "DEL").map((node) => node.textContent).join(""),
  ]))
"""


async def walk(walker: Walker, demo: Demo) -> None:
    """Review the first plan of a source, write it but for a field, and undo it."""
    page = walker.page
    scenes = await _first_plan(demo)
    await page.go(f"{demo.place.home_url}/plexsync/plan")
    await page.until("!!window.panel?.()?.querySelector('.listing [data-main]')")
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
    say("A first plan was written and undone by keyboard, and Plex had what was shown")


async def _first_plan(demo: Demo) -> dict[str, Scene]:
    """Have a few films wait for the answer to a first plan; give them by their titles."""
    entry = await _remove_stash(demo)
    scenes = await demo.stash.next_scenes(_SCENES)
    for scene in scenes:
        await demo.stash.mark(scene, MARK)
    await add_stash(demo.home, entry, demo.place.stash_url, start="preview")
    return {scene.title: scene for scene in scenes}


async def _remove_stash(demo: Demo) -> str:
    """Remove the source, with all that was written left as it is; give the entry's id."""
    async with demo.home.connection() as connection, asyncio.timeout(PATIENCE):
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
    await _search_in_japanese(walker)
    await walker.page.until("!!panel().querySelector('.empty')")
    await walker.to_text("Show all")
    await walker.press("Enter")
    await walker.page.until(f"{_TITLES}.length === {len(titles)}")
    left = await walker.page.evaluate(_SEARCHED)
    expect(left == "", f"all is shown, but the search says {left}")


async def _search_in_japanese(walker: Walker) -> None:
    """Type with a break before the letters are put together: that is no search yet."""
    for text in ("に", "にほ"):
        await walker.page.command(
            "Input.imeSetComposition",
            text=text,
            selectionStart=len(text),
            selectionEnd=len(text),
        )
        await walker.page.settled()
    await walker.page.command("Input.insertText", text="日本")
    searched = await walker.page.evaluate(_SEARCHED)
    expect(searched == "日本", f"日本 was typed, and {searched} is searched for")


async def _write_one(walker: Walker, scene: Scene) -> None:
    """Write one item, but for a field that is left alone."""
    page = walker.page
    before = await walker.item(scene)
    await walker.to(ROW)
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
    expect(list(shown) == ["Title"], f"what is shown is {shown}")
    expect(shown["Title"] == scene.title + MARK, f"the title shown is {shown}")
    await walker.to_text("Write this", back=True)
    await walker.press("Enter")
    await walker.until("Nothing would be written.")
    await walker.see("when an item was written", _DETAIL)
    after = await walker.item(scene)
    expect(after["values"]["title"] == shown["Title"], "the title is another one")
    expect(
        _other_than_title(after) == _other_than_title(before),
        f"{before} became {after}",
    )
    await walker.keep("written")
    await walker.to_text("Close")
    await walker.press("Enter")
    await page.until("!panel().querySelector('.two.open')")
    await walker.see("when a row closes", ROW)


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
        await walker.see("after an arrow", ROW)
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
    source = server["sources"][-1]["id"]
    await begin(demo.home, server["config_entry_id"], source)


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
    await walker.to(ROW)
    await walker.press("ArrowDown")
    title = await page.evaluate(f"{FOCUS}.querySelector('strong').textContent")
    await walker.press("Enter")
    await page.until("!!panel().querySelector('.detail .change')")
    await page.evaluate("window.before = 1")
    await page.command("Page.reload")
    await page.until(
        "!window.before && !!window.panel?.()?.querySelector('.detail .change')"
    )
    await walker.to_text("Undo all of this item")
    await walker.keep("history")
    await walker.press("Enter")
    await page.until("!!panel().querySelector('dialog[open] .change')")
    await walker.see("in the question", "el.textContent === 'Cancel'")
    await walker.keep("undo")
    await walker.to("el.closest('dialog') && el.textContent === 'Undo'")
    await walker.press("Enter")
    await walker.unmarked(scenes[title.removesuffix(MARK)])
    await page.until("!panel().querySelector('.two.open')")
    await walker.see("when an item was undone", ROW)


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
