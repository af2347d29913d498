"""See an outage live on the review page, from its first to its last second."""

from .running import Demo
from .terminal import say
from .walker import MARK, Walker, expect

_STATE = "panel().querySelector('header .state').textContent"
_OUTAGES = "[...panel().querySelectorAll('tbody tr')].map((el) => el.textContent)"
# What is said of the last 30 days, most of which there was no demo.
_MONTH = "panel().querySelector('.shares').lastElementChild.textContent"


async def see_outage(walker: Walker, demo: Demo) -> None:
    """Take Plex down and bring it back, with the page open all the time."""
    page = walker.page
    await page.go(f"{demo.place.home_url}/plexsync/health")
    await page.until("!!window.panel?.()?.querySelector('.time')")
    await page.until(f"{_STATE} === 'Up to date'")
    month = await page.evaluate(_MONTH)
    expect("–" in month and "too little is known yet" in month, f"it says {month}")
    before = await page.evaluate(_OUTAGES)
    await page.evaluate("window.outage = panel().querySelector('.view')")
    scene = await demo.stash.next_scene()
    await demo.plex.stop()
    await demo.stash.mark(scene, MARK)
    await page.until(f"{_STATE} === 'Waiting for Plex'")
    await page.until(f"{_OUTAGES}.length === {len(before) + 1}")
    await walker.until("Open: Plex is left alone")
    await walker.keep("outage")
    under_way = await page.evaluate(_OUTAGES)
    await demo.plex.start()
    await walker.marked(scene)
    await page.until(f"{_STATE} === 'Up to date'")
    await page.until(f"{_OUTAGES}[0] !== {under_way[0]!r}")
    await walker.keep("after-outage")
    expect(
        await page.evaluate("window.outage?.isConnected"), "the page was loaded anew"
    )
    say("An outage was seen as it came and as it went")
