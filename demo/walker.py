"""Somebody who uses the review page by keyboard alone, and looks into Plex."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from .access import check_access
from .browser import Page
from .running import Demo
from .servers import Scene

MARK = " (walked)"
PATIENCE = 60.0
ROW = "el.matches('.listing [data-main]')"
_FAR = 150  # tabs from one end of the page to the other
FOCUS = "panel().activeElement"
_REST = 0.3  # seconds in which a page that moves the focus by itself has done so
_SEEN = f"""
(() => {{
  const el = {FOCUS};
  if (!el) return "the focus is lost";
  const box = el.getBoundingClientRect();
  if (box.bottom <= 0 || box.top >= innerHeight) return "the focus is out of sight";
  if (getComputedStyle(el).outlineStyle === "none") return "the focus is not shown";
  return "";
}})()
"""


class WalkError(Exception):
    """Something cannot be done by keyboard, or came to something else."""


def expect(truth: object, what: str) -> None:
    """Raise WalkError with what is wrong, unless it is true."""
    if not truth:
        raise WalkError(what)


def _asked(truth: str) -> str:
    """Give the script that asks whether something is true of what has the focus."""
    return f"(() => {{ const el = {FOCUS}; return Boolean(el && ({truth})); }})()"


class Walker:
    """Somebody without a mouse."""

    def __init__(
        self, page: Page, demo: Demo, folder: Path | None, axe: str | None
    ) -> None:
        """Begin where the page is."""
        self.page = page
        self._demo = demo
        self._folder = folder
        self._axe = axe

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
        expect(not problem, f"{when}: {problem}")
        if not await self.page.evaluate(_asked(truth)):
            where = await self.page.evaluate(f"{FOCUS}.outerHTML.slice(0, 200)")
            raise WalkError(f"{when}: the focus went to {where}")

    async def until(self, text: str) -> None:
        """Wait until the page says something."""
        main = "panel().querySelector('main')"
        await self.page.until(f"{main}.textContent.includes({json.dumps(text)})")

    async def keep(self, name: str) -> None:
        """Keep a picture, and have axe look, where that was asked for."""
        if self._axe is not None:
            await check_access(self.page, self._axe, name)
        if self._folder is not None:
            await self.page.settled()
            await self.page.picture(self._folder / f"walk-{name}.png")

    async def item(self, scene: Scene) -> dict[str, Any]:
        """Give what Plex has for a scene."""
        return await self._demo.plex.item(scene.in_plex)

    async def marked(self, scene: Scene) -> None:
        """Wait until Plex has what was shown for a scene."""
        wanted = {"title": scene.title + MARK, "summary": scene.details + MARK}
        await self.in_plex(scene.in_plex, lambda found: wanted.items() <= found.items())

    async def unmarked(self, scene: Scene) -> None:
        """Wait until Plex has nothing of ours for a scene."""
        await self.in_plex(scene.in_plex, lambda found: MARK not in str(found))

    async def in_plex(
        self, path: str, wanted: Callable[[dict[str, Any]], bool]
    ) -> None:
        """Wait until the values of the item that holds a file are as wanted."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not wanted(found := (await self._demo.plex.item(path))["values"]):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise WalkError(f"In Plex stands {found}") from None
