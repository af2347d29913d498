"""The review page with a plan of many items: `python -m bench.page 50000`.

A real Home Assistant beside a simulated Plex and a simulated Stash, of whose records all
differ; the page in a real browser. `python -m bench.page 500 --quick` scrolls less.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from aiohttp import ClientSession

from demo import configuration, flows
from demo.browser import PANEL, Page, log_in_with, open_page
from demo.home import Connection, Home, HomeError
from demo.place import REPOSITORY, Place, any_ports
from demo.stack import PLEX_TOKEN, stack_at

_PATIENCE = 600.0
_PAUSE = 0.5
_SETTLED = 3  # seconds that a server takes to come to rest
_FIRST = 1000.0  # milliseconds until the first rows are there
_MESSAGE = 256_000  # bytes of one message of ours
_IDLE = 10  # seconds
_JUMPS = 100
_QUICK_IDLE, _QUICK_JUMPS = 1, 5

# Home Assistant's pages stay; only the panel comes anew.
_OPEN = """
new Promise((resolve) => {
  const began = performance.now();
  history.pushState(null, "", "/plexsync/plan");
  dispatchEvent(new CustomEvent("location-changed", { detail: { replace: false } }));
  const look = () => panel()?.querySelector(".listing [role=listitem]")
    ? requestAnimationFrame(() => resolve(performance.now() - began))
    : requestAnimationFrame(look);
  look();
})
"""
_WATCH = """
window.long = [];
new PerformanceObserver((list) => long.push(...list.getEntries().map((each) => each.duration)))
  .observe({ type: "longtask" });
"""
# Scrolls on by so much of a screen a frame; says how many frames that took.
_SCROLL = """
(async () => {
  const main = panel().querySelector("main");
  let frames = 0;
  while (frames < %d && main.scrollTop + main.clientHeight < main.scrollHeight - 1) {
    main.scrollTop += main.clientHeight * %f;
    await new Promise(requestAnimationFrame);
    frames++;
  }
  return frames;
})()
"""
_TRACED = 500  # frames: what a trace says of more of them is too long to keep
_WHEEL, _QUICK_WHEEL = 600, 60  # frames as with a wheel
_WHEELED, _FAST = 0.15, 0.8  # of a screen, in each frame
_LONG = 50_000  # microseconds of the processor
_JUMP = """
(async () => {
  const main = panel().querySelector("main");
  main.scrollTop = main.scrollHeight * %f;
  const there = () => {
    const box = main.getBoundingClientRect();
    const seen = panel().elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return !!seen?.closest("[role=listitem]");
  };
  const began = performance.now();
  while (!there()) await new Promise(requestAnimationFrame);
  return performance.now() - began;
})()
"""


@dataclass
class Figures:
    """What was measured; times in milliseconds, sizes in bytes."""

    items: int = 0
    planned: float = 0.0  # seconds from the source's set-up to its whole plan
    home: dict[str, int] = field(default_factory=dict)  # its memory, by when
    cold: float = 0.0
    first: float = 0.0
    idle: list[float] = field(default_factory=list)  # long tasks meanwhile
    wheeled: list[float] = field(default_factory=list)
    scrolled: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)  # those with so long a work
    frames: int = 0
    seconds: float = 0.0  # of scrolling
    jumps: list[float] = field(default_factory=list)
    heap: dict[str, int] = field(default_factory=dict)  # of the tab, by when
    messages: dict[str, int] = field(default_factory=dict)  # the largest of each kind

    def misses(self) -> list[str]:
        """Tell what is not as it should be."""
        found = []
        if self.first > _FIRST:
            found.append(f"first rows after {self.first:.0f} ms, allowed {_FIRST:.0f}")
        if self.worked:
            found.append(f"{len(self.worked)} long tasks, none allowed")
        found += [
            f"{kind}: {size} bytes, allowed {_MESSAGE}"
            for kind, size in self.messages.items()
            if size > _MESSAGE
        ]
        return found


def tell(figures: Figures) -> str:
    """Say it in a few lines."""
    sizes = {when: f"{size / 1e6:.0f} MB" for when, size in figures.home.items()}
    heap = {when: f"{size / 1e6:.1f} MB" for when, size in figures.heap.items()}
    largest = max(figures.messages, key=lambda kind: figures.messages[kind])
    ordered = sorted(figures.jumps)
    return f"""\
plan of {figures.items:,} items there after {figures.planned:.0f} s
first rows: {figures.first:.0f} ms after the page is opened; {figures.cold:.0f} ms with all of Home Assistant
scrolled through all in {figures.frames:,} frames, {figures.seconds:.0f} s: tasks that had the processor for over 50 ms: {_longest(figures.worked)}
tasks over 50 ms by the clock, where other programs take the processor, too: {_longest(figures.scrolled)}; as with a wheel {_longest(figures.wheeled)}; at rest {_longest(figures.idle)}
jumps: {ordered[len(ordered) // 2]:.0f} ms until rows are there, {ordered[-1]:.0f} ms at most
largest message: {figures.messages[largest] / 1000:.0f} kB, {largest}
the tab's heap: {_listed(heap)}
memory of Home Assistant: {_listed(sizes)}"""


def _longest(tasks: list[float]) -> str:
    return f"{len(tasks)}" + (f", {max(tasks):.0f} ms at most" if tasks else "")


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


class _Memory:
    """What Home Assistant holds, and the most that it held since it was asked last."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def now(self) -> int:
        return self._read("VmRSS")

    def most(self) -> int:
        most = self._read("VmHWM")
        (self._proc / "clear_refs").write_text("5")
        return most

    def _read(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        (line,) = (each for each in lines if each.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024


@asynccontextmanager
async def _running(items: int) -> AsyncIterator[tuple[Place, Home, _Memory]]:
    """Run the three programs, with nothing set up yet."""
    with TemporaryDirectory(prefix="plexsync-bench-") as root:
        place = Place(Path(root), any_ports())
        stack = stack_at(place, items)
        configuration.write(place.config, REPOSITORY, place.ports.home)
        try:
            for program in stack.programs:
                program.start()
            async with ClientSession() as session:
                home = Home(session, place.home_url)
                await home.log_in(_PATIENCE)
                await home.running(_PATIENCE)
                pid = stack.home.pid
                assert pid is not None
                yield place, home, _Memory(pid)
        finally:
            for program in reversed(stack.programs):
                program.stop()


async def _plan(place: Place, home: Home, memory: _Memory, figures: Figures) -> None:
    """Set up the server and its source, and wait for the plan of all."""
    figures.home["without us"] = memory.now()
    entry = await flows.add_server(home, place.plex_url, PLEX_TOKEN)
    await asyncio.sleep(_SETTLED)
    figures.home["with a server"] = memory.now()
    began = time.perf_counter()
    await flows.add_stash(home, entry, place.stash_url, start="preview")
    async with home.connection() as connection, asyncio.timeout(_PATIENCE):
        while await _planned(connection, entry) < figures.items:
            await asyncio.sleep(_PAUSE)
    figures.planned = time.perf_counter() - began
    figures.home |= {"at most while it plans": memory.most(), "planned": memory.now()}


async def _planned(connection: Connection, entry: str) -> int:
    try:
        plan = await connection.command("plexsync/plan", config_entry_id=entry, limit=1)
    except HomeError:  # a server that gets a source is loaded anew
        return 0
    return 0 if plan["computed"] is None or plan["running"] else int(plan["total"])


async def _heap(page: Page) -> int:
    """Give the tab's heap once what nobody holds is gone."""
    await page.command("HeapProfiler.collectGarbage")
    metrics = (await page.command("Performance.getMetrics"))["metrics"]
    return int({each["name"]: each["value"] for each in metrics}["JSHeapUsedSize"])


async def _long(page: Page) -> list[float]:
    """Give the long tasks since this was asked last."""
    return list(await page.evaluate("long.splice(0)"))


async def _scroll(page: Page, figures: Figures, frames: int, share: float) -> int:
    """Scroll for some frames by so much of a screen; say how many there were.

    A trace tells for how long each task of the page had the processor.
    """
    await page.command(
        "Tracing.start", traceConfig={"includedCategories": ["toplevel"]}
    )
    began = time.perf_counter()
    done = int(await page.evaluate(_SCROLL % (frames, share)))
    figures.seconds += time.perf_counter() - began
    seen = await page.traced()
    threads = {
        (each["pid"], each["tid"])
        for each in seen
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    figures.worked += [
        each["tdur"] / 1000
        for each in seen
        if (each["pid"], each["tid"]) in threads
        and each["name"] == "ThreadControllerImpl::RunTask"
        and each.get("tdur", 0) > _LONG
    ]
    return done


async def _use(page: Page, place: Place, figures: Figures, *, quick: bool) -> None:
    """Open the page, scroll through all of it, and jump about."""
    began = time.perf_counter()
    await page.go(f"{place.home_url}/plexsync/plan")
    await page.until("!!window.panel?.()?.querySelector('.listing [role=listitem]')")
    figures.cold = (time.perf_counter() - began) * 1000
    await page.go(f"{place.home_url}/config/dashboard")
    await page.until("!!document.querySelector('home-assistant')?.hass?.panels")
    await asyncio.sleep(2 if quick else _IDLE)
    figures.heap["before"] = await _heap(page)
    figures.first = await page.evaluate(_OPEN)
    await page.settled()
    figures.heap["opened"] = await _heap(page)
    await page.evaluate(f"{_WATCH}; void 0")
    await asyncio.sleep(_QUICK_IDLE if quick else _IDLE)
    figures.idle = await _long(page)
    await _scroll(page, figures, _QUICK_WHEEL if quick else _WHEEL, _WHEELED)
    figures.wheeled = await _long(page)
    await page.evaluate("panel().querySelector('main').scrollTop = 0")
    figures.seconds = 0
    while (done := await _scroll(page, figures, _TRACED, _FAST)) == _TRACED:
        figures.frames += done
    figures.frames += done
    figures.scrolled = await _long(page)
    figures.heap["scrolled"] = await _heap(page)
    await page.command("Network.enable")
    await page.go(f"{place.home_url}/plexsync/plan")
    await page.until("!!window.panel?.()?.querySelector('.listing [role=listitem]')")
    for number in range(_QUICK_JUMPS if quick else _JUMPS):
        figures.jumps.append(await page.evaluate(_JUMP % (number * 0.618 % 1)))
    for view in ("needs", "history", "health"):
        await page.evaluate(f"panel().querySelector('[data-view={view}]').click()")
        await page.settled()
    figures.messages = _sizes(page.events)


def _sizes(events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Give the largest answer to each of our commands, in bytes."""
    asked: dict[int, str] = {}
    largest: Counter[str] = Counter()
    for event in events:
        match event.get("method", "").removeprefix("Network.webSocketFrame"):
            case "Sent":
                for each in _messages(event):
                    if str(each.get("type")).startswith("plexsync/"):
                        asked[each["id"]] = each["type"]
            case "Received":
                for each in _messages(event):
                    if (kind := asked.get(each.get("id", 0))) is not None:
                        size = len(json.dumps(each, ensure_ascii=False).encode())
                        largest[kind] = max(largest[kind], size)
    return dict(largest)


def _messages(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what one frame holds: Home Assistant sends several messages in one."""
    found = json.loads(event["params"]["response"]["payloadData"])
    return found if isinstance(found, list) else [found]


async def measure(items: int, *, quick: bool) -> Figures:
    """Measure all of it."""
    figures = Figures(items)
    async with _running(items) as (place, home, memory):
        await _plan(place, home, memory, figures)
        async with (
            ClientSession() as session,
            open_page(session, 1400, 900) as page,
        ):
            await page.run_first(log_in_with(home.tokens))
            await page.run_first(PANEL)
            for command in ("Runtime.enable", "Performance.enable"):
                await page.command(command)
            await _use(page, place, figures, quick=quick)
        figures.home |= {
            "at most while it is read": memory.most(),
            "after": memory.now(),
        }
    return figures


def main() -> int:
    """Print what was measured, and fail where it is not good enough."""
    parser = argparse.ArgumentParser(prog="bench.page", description=__doc__)
    parser.add_argument("items", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", help="figures only")
    chosen = parser.parse_args()
    figures = asyncio.run(measure(chosen.items, quick=chosen.quick))
    if chosen.json:
        print(json.dumps(asdict(figures)))
        return 0
    print(tell(figures), flush=True)
    misses = figures.misses()
    for miss in misses:
        print(f"MISSED {miss}", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
