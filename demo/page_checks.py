"""Look at the review page as its reader does: in a browser, under a strict policy."""

import asyncio
from base64 import b64encode
from datetime import datetime
import hashlib
import json
from pathlib import Path
import re
import tempfile
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from . import running
from .access import check_access
from .browser import PANEL, Page, log_in_with, open_page
from .home import Home
from .page_outage import see_outage
from .page_troubles import make_troubles, mend
from .page_walk import walk
from .place import Place
from .servers import Scene
from .terminal import say
from .walker import Walker

_WIDTHS = (360, 768, 1400)
_PLANNED = 9  # films that wait to be written
_HEIGHTS = {360: 780, 768: 1024, 1400: 900}
_PLANTED = "<img src=x onerror=window.planted=1><script>window.planted=1</script>"
# On clocks in summer and in winter, each of another day than where the browser is.
_WALLS = ["2026-07-01T21:30:00", "2026-12-01T00:15:00"]
# What each view shows once it is there.
_SHOWN = {
    "plan": ".listing [role=listitem], .listing .empty",
    "needs": "details[open] [data-main]",
    "history": ".listing [role=listitem], .listing .empty",
    "health": ".time",
}


class CheckError(Exception):
    """The page is not as it should be."""


def _expect(truth: object, what: str) -> None:
    if not truth:
        raise CheckError(what)


async def check(folder: Path | None, axe: Path | None) -> None:
    """Go through all of the page in a demo of its own; keep pictures, and have axe look, where asked."""
    with tempfile.TemporaryDirectory() as root:
        place = await running.begin(Place.load(Path(root, "demo")), fresh=False)
        try:
            async with running.running_demo(place) as demo, ClientSession() as session:
                await _check(demo, session, folder, axe)
                await _check_others(demo.home, session, place)
        finally:
            running.stop(place)
    say("The page is as it should be")


async def _check(
    demo: running.Demo, session: ClientSession, folder: Path | None, axe: Path | None
) -> None:
    """Do what the page is for by keyboard, and look at each view in between."""
    script = None if axe is None else axe.read_text("utf-8")
    async with open_page(session, 1400, 900) as page:
        await page.run_first(log_in_with(demo.home.tokens))
        await page.run_first(PANEL)
        await _be_strict(page, session, demo.place)
        for command in ("Runtime.enable", "Log.enable"):
            await page.command(command)
        try:
            await _use(page, demo, folder, script)
        except Exception:
            if folder is not None:
                await page.picture(folder / "failed.png")
            raise
    say("Nothing went wrong, and the policy was kept")


async def _use(
    page: Page, demo: running.Demo, folder: Path | None, axe: str | None
) -> None:
    """Look at each view, see an outage, write, undo and mend: all of it on one page."""
    walker = Walker(page, demo, folder, axe)
    await see_outage(walker, demo)
    for view in ("health", "history"):
        await _check_view(page, demo.place, view, folder, axe)
    scene = await _plan_something(demo)
    await _check_view(page, demo.place, "plan", folder, axe)
    await _check_planted(page, demo, scene, axe)
    await _check_back(page)
    await _plan_nothing(demo, scene)
    await walk(walker, demo)
    troubles = await make_troubles(demo)
    await _check_view(page, demo.place, "needs", folder, axe)
    await mend(walker, demo, troubles)
    await _check_times(page, demo)
    _check_quiet(page)
    await _check_policy(page)


async def _plan_something(demo: running.Demo) -> Scene:
    """Let a few films wait to be written, one with a title that would like to run."""
    entities = await demo.entities()
    await demo.home.press("switch.turn_off", entities["switch.sync"])
    planted, *scenes = await demo.stash.next_scenes(_PLANNED)
    await demo.stash.rename(planted, _PLANTED)
    for scene in scenes:
        await demo.stash.mark(scene, " (restored)")
    pending = str(_PLANNED)
    await demo.home.until(entities["sensor.pending"], pending.__eq__, 60)
    await demo.home.act("plexsync.reconcile", scope="plan", wait=60)
    return planted


async def _plan_nothing(demo: running.Demo, planted: Scene) -> None:
    """Let all of it be written, and take the planted title back."""
    entities = await demo.entities()
    await demo.home.press("switch.turn_on", entities["switch.sync"])
    await demo.home.until(entities["sensor.pending"], "0".__eq__, 60)
    await demo.stash.rename(planted, planted.title)
    async with asyncio.timeout(60):
        while await demo.plex.title(planted.in_plex) != planted.title:
            await asyncio.sleep(0.1)


async def _be_strict(page: Page, session: ClientSession, place: Place) -> None:
    """Serve Home Assistant's own page with a policy: its inline scripts, and no others."""
    url = f"{place.home_url}/plexsync"
    async with session.get(url) as answer:
        html = await answer.read()
    hashes = [
        b64encode(hashlib.sha256(script).digest()).decode()
        for script in re.findall(rb"<script[^>]*>(.*?)</script>", html, re.DOTALL)
    ]
    socket = place.home_url.replace("http", "ws", 1)
    policy = (
        "default-src 'self'; object-src 'none'; base-uri 'self'; img-src 'self' data: blob:;"
        f" connect-src 'self' {socket}; style-src 'self' 'unsafe-inline'; script-src 'self' "
        + " ".join(f"'sha256-{each}'" for each in hashes)
    )
    headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}

    def answer_with(params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        # A header that is added to the real answer comes too late to be a policy.
        return "Fetch.fulfillRequest", {
            "requestId": params["requestId"],
            "responseCode": 200,
            "responseHeaders": [
                {"name": name, "value": value} for name, value in headers.items()
            ],
            "body": b64encode(html).decode(),
        }

    page.answers["Fetch.requestPaused"] = answer_with
    patterns = [{"urlPattern": f"{url}*", "resourceType": "Document"}]
    await page.command("Fetch.enable", patterns=patterns)


async def _check_view(
    page: Page, place: Place, view: str, folder: Path | None, axe: str | None
) -> None:
    """Open a view cold, at each width, by day and by night."""
    for width in _WIDTHS:
        await page.resize(width, _HEIGHTS[width])
        for scheme in ("light", "dark"):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            await page.command("Emulation.setEmulatedMedia", features=[feature])
            await page.go(f"{place.home_url}/plexsync/{view}?reason=ambiguous")
            await page.until(f"!!window.panel?.()?.querySelector({_SHOWN[view]!r})")
            wide = await page.evaluate(
                "document.documentElement.scrollWidth > innerWidth"
                " || panel().querySelector('main').scrollWidth"
                " > panel().querySelector('main').clientWidth"
            )
            _expect(not wide, f"{view} is wider than {width} pixels")
            failed = await page.evaluate("!!panel().querySelector('.failed')")
            _expect(not failed, f"{view} could not be read")
            if folder is not None:
                await page.settled()
                await page.picture(folder / f"{view}-{width}-{scheme}.png")
            if axe is not None:
                await check_access(page, axe, f"{view}, {width}, {scheme}")
    say(f"{view}: seen at {', '.join(map(str, _WIDTHS))} pixels, light and dark")


async def _check_planted(
    page: Page, demo: running.Demo, scene: Scene, axe: str | None
) -> None:
    """See a title that is a script shown as the text that it is."""
    async with demo.home.connection() as connection:
        (server,) = (await connection.command("plexsync/overview"))["servers"]
    query = f"item_source={server['sources'][-1]['id']}&item=scene:{scene.id}"
    await page.go(f"{demo.place.home_url}/plexsync/plan?{query}")
    await page.until("!!window.panel?.()?.querySelector('.detail .change')")
    text = json.dumps("window.planted=1</script>")
    await page.until(f"panel().querySelector('.detail').textContent.includes({text})")
    _expect(
        await page.evaluate(
            "!window.planted && !panel().querySelector('script, img[onerror]')"
        ),
        "a title has run",
    )
    if axe is not None:
        await check_access(page, axe, "an item of the plan")
        await page.evaluate("panel().querySelector('.detail .menu summary').click()")
        await check_access(page, axe, "what can be left alone")
    say("A title with a script in it is shown as text")


async def _check_back(page: Page) -> None:
    """Go back from a question: it is not left open over another place."""
    await page.evaluate("panel().querySelector('.detail .back').click()")
    await page.until("!panel().querySelector('.two.open')")
    await page.evaluate("panel().querySelector('[data-tool=all]').click()")
    await page.until("!!panel().querySelector('dialog[open]')")
    await page.evaluate("history.back()")
    await page.until("!!panel().querySelector('.two.open')")
    open_still = await page.evaluate("!!panel().querySelector('dialog')")
    _expect(not open_still, "a question stays open after going back")
    say("Back closes a question")


async def _check_times(page: Page, demo: running.Demo) -> None:
    """Show and take times as the user's profile says, far away from Home Assistant."""
    language = {"language": "en", "time_zone": "server", "time_format": "24"}
    async with demo.home.connection() as connection:
        zone = (await connection.command("get_config"))["time_zone"]
        keep = {"key": "language", "value": {**language, "number_format": "language"}}
        await connection.command("frontend/set_user_data", **keep)
    await page.command("Emulation.setTimezoneOverride", timezoneId="Pacific/Kiritimati")
    await page.go(f"{demo.place.home_url}/plexsync/history")
    await page.until("!!window.panel?.()?.querySelector('.listing')")
    shown = await page.evaluate(
        f"(({{moment, day, time}}) => {_WALLS}"
        ".map(moment).map((each) => [each, day(each), time(each)]))(panel().host.texts)"
    )
    for (at, day, words), wall in zip(shown, _WALLS, strict=True):
        there = datetime.fromisoformat(at).astimezone(ZoneInfo(zone))
        _expect(there.isoformat().startswith(wall), f"{wall} is taken for {at}")
        _expect(day == wall[:10], f"the day of {wall} is {day}")
        _expect(wall[11:16] in words, f"{wall} is shown as {words}")
    await page.command("Emulation.setTimezoneOverride", timezoneId="")
    say("Times are those of the user's profile")


def _check_quiet(page: Page) -> None:
    """Nothing went wrong in the browser, but for pictures that there are not."""
    for event in page.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            raise CheckError(json.dumps(params["exceptionDetails"])[:2000])
        entry = params.get("entry", {})
        if method == "Log.entryAdded" and entry["level"] == "error":
            is_picture = re.search(
                "/api/plexsync/(picture|wanted)/", entry.get("url", "")
            )
            _expect(is_picture, json.dumps(entry)[:2000])
        if method == "Runtime.consoleAPICalled" and params["type"] == "error":
            raise CheckError(json.dumps(params)[:2000])


async def _check_policy(page: Page) -> None:
    """See that the policy was in force: a script that nobody knows does not run."""
    loose = await page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.loose = 1'})), window.loose"
    )
    _expect(loose is None, "the policy was not in force")


async def _check_others(home: Home, session: ClientSession, place: Place) -> None:
    """Somebody who is no administrator does not get the page."""
    other = await home.add_user("reader")
    try:
        async with open_page(session, 1400, 900) as page:
            await page.run_first(log_in_with(other.tokens))
            await page.run_first(PANEL)
            await page.go(f"{place.home_url}/plexsync")
            await page.until("!!document.querySelector('home-assistant')?.hass?.panels")
            await page.settled()
            seen = await page.evaluate(
                "!!panel() || 'plexsync' in document.querySelector('home-assistant').hass.panels"
            )
            _expect(not seen, "somebody else sees the page")
    finally:
        await home.remove_user("reader")
    say("Nobody but administrators gets it")
