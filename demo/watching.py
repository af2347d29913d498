"""Follow the demo in the terminal until it ends."""

import asyncio

from aiohttp import ClientError, WSMessageTypeError

from .home import HomeError, is_known
from .place import Place
from .running import Demo, demo_at
from .terminal import say

_WATCHED = ("sensor.circuit", "sensor.pending", "sensor.failed")


async def watch(place: Place) -> None:
    """Say what changes, until the three programs have ended."""
    async with demo_at(place) as demo:
        follower = asyncio.create_task(_follow_always(demo))
        missing: set[str] = set()
        try:
            while demo.stack.is_running:
                await asyncio.sleep(1)
                gone = {p.name for p in demo.stack.programs if p.pid is None}
                for name in sorted(gone - missing):
                    say(f"{name} has ended")
                missing = gone
        finally:
            follower.cancel()


async def _follow_always(demo: Demo) -> None:
    """Connect again whenever Home Assistant was restarted."""
    while True:
        try:
            await _follow(demo)
        except ClientError, WSMessageTypeError, HomeError, TimeoutError:
            await asyncio.sleep(1)


async def _follow(demo: Demo) -> None:
    await demo.home.log_in()
    names = {
        entity: key.split(".")[1]
        for key, entity in (await demo.entities()).items()
        if key in _WATCHED
    }
    async with demo.home.connection() as connection:
        await connection.command("subscribe_events", event_type="state_changed")
        async for event in connection.events():
            data = event["data"]
            old, new = data["old_state"], data["new_state"]
            if data["entity_id"] not in names or not old or not new:
                continue
            if old["state"] != new["state"] and is_known(new["state"]):
                say(f"{names[data['entity_id']]}: {new['state']}")
