"""Whether everybody can use what a page shows, by the rules of axe-core."""

from .browser import Page

_LOOK = """
axe.run(panel().host, {resultTypes: ['violations']}).then((result) =>
  JSON.stringify(result.violations.map((each) => [each.id,
    each.nodes.slice(0, 3).map((node) => [node.target, node.failureSummary])])))
"""


class AccessError(Exception):
    """Not everybody can."""


async def check_access(page: Page, axe: str, where: str) -> None:
    """Have axe look at the panel as it is now. Raises AccessError."""
    await page.settled()
    await page.evaluate(f"{axe}; void 0")
    if (found := await page.evaluate(_LOOK)) != "[]":
        raise AccessError(f"axe, {where}: {found}")
