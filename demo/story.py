"""The things to try: edit, take Plex down, look, bring it back."""

import asyncio
from datetime import datetime
import json
import time
from typing import Any

from homeassistant.util import dt as dt_util

from .place import Place
from .running import Demo, running_demo
from .servers import Scene
from .terminal import say

_PATIENCE = 60.0
_PAUSE = 0.1


async def edit(place: Place, *, count: int, name: str) -> None:
    """Change titles in Stash, and wait for Plex to follow or for the circuit to open."""
    async with running_demo(place) as demo:
        edited = [await _edit_one(demo, name) for _ in range(count)]
        began = time.monotonic()
        if await demo.plex.is_up():
            await _until_in_plex(demo, edited, began)
            return
        say("Plex is down, so this has to wait")
        entities = await demo.entities()
        await demo.home.until(entities["sensor.circuit"], "open".__eq__, _PATIENCE)
        async with asyncio.timeout(_PATIENCE):
            while int(await demo.home.state(entities["sensor.pending"])) < count:
                await asyncio.sleep(_PAUSE)
        say(f"The circuit is open after {time.monotonic() - began:.1f} s")
        pending = await demo.home.state(entities["sensor.pending"])
        say(f"Jobs that wait for Plex: {pending}")


async def _edit_one(demo: Demo, name: str) -> Scene:
    scene = await demo.stash.next_scene(name)
    plain = scene.title.split(" · ")[0]
    title = f"{plain} · {dt_util.now():%H:%M:%S}"
    await demo.stash.rename(scene, title)
    say(f"Stash: “{scene.title}” is now “{title}”")
    return Scene(scene.id, title, scene.path)


async def _until_in_plex(demo: Demo, edited: list[Scene], began: float) -> None:
    async with asyncio.timeout(_PATIENCE):
        for scene in edited:
            while (title := await demo.plex.title(scene.in_plex)) != scene.title:
                await asyncio.sleep(_PAUSE)
            say(f"Plex:  “{title}”, {time.monotonic() - began:.1f} s after the edit")


async def stop_plex(place: Place) -> None:
    """Take Plex down, and remember how much it had been asked until then."""
    async with running_demo(place) as demo:
        if not await demo.plex.is_up():
            say("Plex is already down")
            return
        await demo.plex.stop()
        requests = len(await demo.plex.journal())
        _note(place).write_text(
            json.dumps({"at": time.time(), "requests": requests}), encoding="utf-8"
        )
        say("Plex is down: it refuses connections")
        say("Nobody notices until there is something to write: scripts/demo edit")


async def start_plex(place: Place) -> None:
    """Bring Plex up, and tell what reaches it until nothing waits any more."""
    async with running_demo(place) as demo:
        entities = await demo.entities()
        pending = entities["sensor.pending"]
        before = len(await demo.plex.journal())
        waiting = int(await demo.home.state(pending))
        circuit = await demo.home.state(entities["sensor.circuit"])
        say(f"The circuit is {circuit}, jobs that wait: {waiting}")
        await demo.plex.start()
        began = time.time()
        say("Plex is up")
        _note(place).unlink(missing_ok=True)
        if not waiting:
            return
        if circuit == "open":
            due = await demo.home.state(entities["sensor.next_probe"])
            say(f"PlexSync looks again at {_local(due)}")
        probe = await _first(demo, before, "GET")
        say(f"First probe after {probe - began:.1f} s")
        write = await _first(demo, before, "PUT")
        say(f"First edit after {write - began:.1f} s")
        await _follow(demo, entities, began)


async def _first(demo: Demo, since: int, method: str) -> float:
    """Wait for the first request of a kind; give its time."""
    async with asyncio.timeout(120):
        while True:
            for entry in await demo.plex.journal(since):
                if entry["method"] == method:
                    return float(entry["time"])
            await asyncio.sleep(_PAUSE)


async def _follow(demo: Demo, entities: dict[str, str], began: float) -> None:
    """Say how the circuit and the queue go on."""
    shown = ""
    async with asyncio.timeout(300):
        while True:
            circuit = await demo.home.state(entities["sensor.circuit"])
            pending = await demo.home.state(entities["sensor.pending"])
            if shown != (
                shown := f"The circuit is {circuit}, jobs that wait: {pending}"
            ):
                say(f"{shown} ({time.time() - began:.1f} s)")
            if (circuit, pending) == ("closed", "0"):
                return
            await asyncio.sleep(_PAUSE)


async def status(place: Place) -> None:
    """Print the circuit, the queue, and what Plex was asked."""
    async with running_demo(place) as demo:
        entities = await demo.entities()

        async def shown(key: str) -> str:
            return await demo.home.state(entities[key])

        history = await demo.home.act("plexsync.get_outages")
        print(f"""
    Circuit       {await shown("sensor.circuit")}
    Next probe    {_local(await shown("sensor.next_probe"))}
    Pending       {await shown("sensor.pending")}
    Failed        {await shown("sensor.failed")}
    Synced        {await shown("sensor.synced")}
    Outages       {await shown("sensor.outages")}{_last_outage(history)}
    Plex          {await _plex(demo, place)}
""")


def _local(state: str) -> str:
    moment = dt_util.parse_datetime(state)
    return "–" if moment is None else f"{dt_util.as_local(moment):%H:%M:%S}"


def _last_outage(history: dict[str, Any]) -> str:
    if not (outages := history["outages"]):
        return ""
    last = outages[0]
    lasted = last["duration"]
    length = "still lasting" if lasted is None else f"{lasted:.0f} s"
    return f", the last: {last['cause']}, {length}, {last['probes']} probes in vain"


async def _plex(demo: Demo, place: Place) -> str:
    journal = await demo.plex.journal()
    edits = sum(entry["method"] == "PUT" for entry in journal)
    if await demo.plex.is_up():
        return (
            f"up, {len(journal)} requests since it was started, {edits} of them edits"
        )
    note = json.loads(_note(place).read_text(encoding="utf-8"))
    since = datetime.fromtimestamp(note["at"]).astimezone()
    return (
        f"down since {since:%H:%M:%S}; requests that reached it since then:"
        f" {len(journal) - note['requests']}"
    )


def _note(place: Place) -> Any:
    """Name the file that says when Plex was taken down."""
    return place.root / "plex_down.json"
