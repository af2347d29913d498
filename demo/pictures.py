"""Tell the demo's story to a browser, and keep what it shows as pictures."""

import asyncio
import json
from pathlib import Path

from aiohttp import ClientSession

from . import running, story
from .browser import PANEL, Page, log_in_with, open_page
from .dashboard import PATH, SAYS
from .page_troubles import make_troubles
from .place import Place
from .terminal import say

_WIDTH, _HEIGHT = 1400, 1000
_SETTLED = 4.0  # seconds that the graphs take to draw themselves
# Everything that is written on the page, with what its elements hide inside.
_TEXT = """
(() => {
  const text = (node) => node.nodeType === Node.TEXT_NODE ? node.data :
    [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].map(text).join(" ");
  return [...document.querySelectorAll("home-assistant")].map(text).join(" ");
})()
"""


async def take(place: Place, folder: Path) -> None:
    """Take the pictures of a demo that runs; it should be a fresh one."""
    async with (
        running.running_demo(place) as demo,
        ClientSession() as session,
        open_page(session, _WIDTH, _HEIGHT) as page,
    ):
        await page.run_first(log_in_with(demo.home.tokens))
        await page.run_first(PANEL)

        await story.edit(place, count=1, name="Metropolis")
        await story.edit(place, count=2, name="")
        await _picture(page, place, "up_to_date", folder / "healthy.png")
        await _review(page, demo, folder)

        await story.stop_plex(place)
        await story.edit(place, count=12, name="")
        await running.restart(place)
        await story.edit(place, count=4, name="")
        await asyncio.sleep(45)
        await _picture(page, place, "waiting_for_plex", folder / "open.png")

        await story.start_plex(place)
        await story.edit(place, count=1, name="Charade")
        await _picture(page, place, "up_to_date", folder / "recovered.png")
        await page.go(f"{place.home_url}/plexsync/health")
        await page.until("!!window.panel?.()?.querySelector('tbody')")
        await _keep(page, folder / "review-health.png")
        await _needs(page, demo, folder)


async def _picture(page: Page, place: Place, status: str, file: Path) -> None:
    """Open the dashboard, wait until it shows the status, keep it."""
    await page.go(f"{place.home_url}/{PATH}")
    _, title, _ = SAYS[status]
    await page.until(f"{_TEXT}.includes({json.dumps(title)})")
    await _keep(page, file)


async def _review(page: Page, demo: running.Demo, folder: Path) -> None:
    """Open a row of a plan on the review page, and one of what was written."""
    switch = (await demo.entities())["switch.sync"]
    await demo.home.press("switch.turn_off", switch)
    scenes = [await demo.stash.next_scene()]
    for number in range(9):
        restored = {"title": f"{scenes[-1].title} (restored)"}
        if number % 2:
            words = scenes[-1].details.replace(", and ", "; ")
            restored["details"] = f"{words} Restored from two prints."
        await demo.stash.edit(scenes[-1], **restored)
        scenes.append(await demo.stash.next_scene())
    pending = (await demo.entities())["sensor.pending"]
    await demo.home.until(pending, "9".__eq__, 60)
    await demo.home.act("plexsync.reconcile", scope="plan", wait=60)
    for view, row in (("plan", 1), ("history", 4)):
        await page.go(f"{demo.place.home_url}/plexsync/{view}")
        chosen = f"querySelectorAll('.listing [data-main]')[{row}]"
        await page.until(f"!!window.panel?.()?.{chosen}")
        await page.evaluate(f"panel().{chosen}.click()")
        await page.until("!!panel().querySelector('.detail .change')")
        await _keep(page, folder / f"review-{view}.png")
    for scene in scenes[:-1]:
        await demo.stash.edit(scene, title=scene.title, details=scene.details)
    await demo.home.press("switch.turn_on", switch)


async def _needs(page: Page, demo: running.Demo, folder: Path) -> None:
    """Open what Plex has two items for."""
    await make_troubles(demo)
    await page.go(f"{demo.place.home_url}/plexsync/needs?reason=ambiguous")
    row = "querySelector('details[open] [data-main]')"
    await page.until(f"!!window.panel?.()?.{row}")
    await page.evaluate(f"panel().{row}.click()")
    await page.until("!!panel().querySelector('.candidate img')")
    await _keep(page, folder / "review-needs.png")


async def _keep(page: Page, file: Path) -> None:
    await asyncio.sleep(_SETTLED)
    await page.picture(file)
    say(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")
