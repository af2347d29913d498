"""Start and stop the demo, and set it up the first time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import shutil
import time

from aiohttp import ClientSession

from . import configuration, dashboard, flows
from .home import PASSWORD, USER, Home, is_known
from .place import REPOSITORY, Place, is_free
from .servers import Plex, Stash
from .stack import PLEX_TOKEN, Stack, stack_at
from .terminal import say, stop_with

_PATIENCE = 60.0


class Demo:
    """Everything that a command of the demo needs."""

    def __init__(self, place: Place, session: ClientSession) -> None:
        """Tie it together; nothing is asked yet."""
        self.place = place
        self.stack: Stack = stack_at(place)
        self.home = Home(session, place.home_url)
        self.plex = Plex(session, place.plex_control_url)
        self.stash = Stash(session, place.stash_url)

    async def entities(self) -> dict[str, str]:
        """Give the entity ids by their keys, those of the source included."""
        async with asyncio.timeout(_PATIENCE):
            while "binary_sensor.source" not in (
                found := await self.home.entities("plexsync")
            ):
                await asyncio.sleep(0.1)
        return found


@asynccontextmanager
async def demo_at(place: Place) -> AsyncIterator[Demo]:
    """Open what a command needs."""
    async with ClientSession() as session:
        yield Demo(place, session)


@asynccontextmanager
async def running_demo(place: Place) -> AsyncIterator[Demo]:
    """Give the demo that runs, logged in."""
    async with demo_at(place) as demo:
        if not all(program.pid for program in demo.stack.programs):
            stop_with("The demo is not running. Start it with: scripts/demo")
        await demo.home.log_in()
        yield demo


async def start(place: Place, *, fresh: bool) -> None:
    """Start everything, and say what there is to try."""
    _explain(await begin(place, fresh=fresh))


async def begin(place: Place, *, fresh: bool) -> Place:
    """Start the three programs, and set everything up where it is not; give their place."""
    async with demo_at(place) as demo:
        if demo.stack.is_running:
            stop_with("The demo is already running. End it with: scripts/demo stop")
    if fresh or place.is_new:
        # A first start that did not get to its end leaves nothing of use either.
        if place.root.exists():
            say("Forgetting the demo of before")
            shutil.rmtree(place.root)
        place = Place.load(place.root)
    is_new = place.is_new
    async with demo_at(place) as demo:
        began = time.monotonic()
        _start_programs(demo)
        try:
            await demo.home.log_in()
            await demo.home.running()
            say(f"Home Assistant runs, after {time.monotonic() - began:.0f} s")
            if is_new:
                await _set_up(demo)
                place.save()
            entities = await demo.entities()
            await dashboard.install(demo.home, entities)
            if is_new:
                items = await demo.plex.items()
                say(
                    f"Waiting for {items} films, of which Plex knows the file names only"
                )
                await demo.home.until(
                    entities["sensor.synced"], str(items).__eq__, _PATIENCE
                )
                say(
                    f"All are written, {time.monotonic() - began:.0f} s after the start"
                )
        except BaseException:
            stop(place)
            raise
    return place


def _start_programs(demo: Demo) -> None:
    place = demo.place
    for port in (place.ports.home, place.ports.plex, place.ports.stash):
        if not is_free(port):
            stop_with(
                f"Another program uses port {port}. End it, or choose other ports"
                " with: scripts/demo start --fresh"
            )
    configuration.write(place.config, REPOSITORY, place.ports.home)
    say(f"Starting a simulated Plex on {place.plex_url}")
    demo.stack.plex.start()
    say(f"Starting a simulated Stash on {place.stash_url}")
    demo.stack.stash.start()
    say(f"Starting Home Assistant on {place.home_url}")
    demo.stack.home.start()


async def _set_up(demo: Demo) -> None:
    """Do what a person does in the browser after the first start."""
    place = demo.place
    say("Adding Plex, with its one library, through the config flow")
    entry_id = await flows.add_server(demo.home, place.plex_url, PLEX_TOKEN)
    say("Adding Stash as its source: everything, with the paths as suggested")
    found = await flows.add_stash(demo.home, entry_id, place.stash_url)
    say(f"{found} sample files of Stash were found in Plex")


def _explain(place: Place) -> None:
    print(f"""
    Dashboard   {place.home_url}
    Log-in      {USER} / {PASSWORD}

    Three things to try, each in another terminal:
      scripts/demo edit         change a title in Stash, see it change in Plex
      scripts/demo stop-plex    take Plex down, edit, and see the circuit open
      scripts/demo start-plex   bring it back, and see what waited arrive
    And besides:
      scripts/demo restart      restart Home Assistant only
      scripts/demo status       the circuit, the queue, and what Plex was asked
      scripts/demo stop         end the demo; the next start goes on from there
""")


def stop(place: Place) -> None:
    """End the three programs; what they know is kept."""
    for program in reversed(stack_at(place).programs):
        if program.pid is not None:
            say(f"Ending {program.name}")
            program.stop()


async def restart(place: Place) -> None:
    """Restart Home Assistant, and nothing else."""
    async with running_demo(place) as demo:
        entities = await demo.entities()
        circuit = entities["sensor.circuit"]
        say(f"The circuit is {await demo.home.state(circuit)}")
        say("Ending Home Assistant")
        began = time.monotonic()
        demo.stack.home.stop()
        say("Starting Home Assistant")
        demo.stack.home.start()
    async with running_demo(place) as demo:
        await demo.home.running()
        say(f"It runs, after {time.monotonic() - began:.1f} s")
        state = await demo.home.until(circuit, is_known, 20)
        say(f"The circuit is {state}")
