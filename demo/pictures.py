"""Tell the demo's story to a browser, and keep what it shows as pictures."""

import asyncio
import json
from pathlib import Path

from aiohttp import ClientSession

from . import running, story
from .browser import Page, open_page
from .dashboard import PATH, SAYS
from .home import Home
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
        await page.run_first(log_in_with(demo.home))

        await story.edit(place, count=1, name="Metropolis")
        await story.edit(place, count=2, name="")
        await _picture(page, place, "up_to_date", folder / "healthy.png")

        await story.stop_plex(place)
        await story.edit(place, count=12, name="")
        await running.restart(place)
        await story.edit(place, count=4, name="")
        await asyncio.sleep(45)
        await _picture(page, place, "waiting_for_plex", folder / "open.png")

        await story.start_plex(place)
        await story.edit(place, count=1, name="Charade")
        await _picture(page, place, "up_to_date", folder / "recovered.png")


def log_in_with(home: Home) -> str:
    """Give the script that logs a browser in."""
    tokens = json.dumps(json.dumps(home.tokens))
    return f"localStorage.setItem('hassTokens', {tokens})"


async def _picture(page: Page, place: Place, status: str, file: Path) -> None:
    """Open the dashboard, wait until it shows the status, keep it."""
    await page.go(f"{place.home_url}/{PATH}")
    _, title, _ = SAYS[status]
    await page.until(f"{_TEXT}.includes({json.dumps(title)})")
    await asyncio.sleep(_SETTLED)
    await page.picture(file)
    say(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")
