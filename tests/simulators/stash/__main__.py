"""Run a simulated Stash: ``python -m tests.simulators.stash --films --port 9999``."""

import argparse
import asyncio
from collections.abc import Sequence
import signal
import sys

from .control import ControlServer
from .core import StashCore
from .seed import load_films, load_synthetic
from .server import StashSimulator

FILMS_ROOT = "/media/films"
SCENES_ROOT = "/data/movies"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators.stash", description=__doc__
    )
    parser.add_argument("--port", type=int, default=9999, help="0 for any")
    parser.add_argument("--control-port", type=int, default=0, help="0 for any")
    parser.add_argument("--films", action="store_true", help="hold the real films")
    parser.add_argument(
        "--scenes", type=int, default=0, metavar="N", help="hold N made-up scenes"
    )
    parser.add_argument(
        "--root",
        help=f"the library's root ({FILMS_ROOT} for films, {SCENES_ROOT} for made-up scenes)",
    )
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="keep everything in a file; a filled one is taken as it is",
    )
    parser.add_argument("--api-key", help="require this key")
    parser.add_argument("--version", default="0.30.1", help="0.24 to 0.31")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def make_core(options: argparse.Namespace) -> StashCore:
    """Open the state, and fill it if it is new."""
    core = StashCore(options.state or ":memory:")
    if not core.scene_ids():
        if options.films:
            load_films(core, options.root or FILMS_ROOT)
        if options.scenes:
            # With films, the root given is theirs.
            load_synthetic(
                core,
                options.scenes,
                SCENES_ROOT if options.films else options.root or SCENES_ROOT,
            )
    return core


async def run(options: argparse.Namespace) -> None:
    """Serve until told to stop."""
    core = make_core(options)
    simulator = StashSimulator(core, options.version, options.api_key, options.seed)
    simulator.latency = options.latency
    control = ControlServer(simulator)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    try:
        await simulator.start(options.port)
        await control.start(options.control_port)
        sys.stdout.write(
            f"stash simulator {options.version} ready: {simulator.url} control {control.url}"
            f" scenes {len(core.scene_ids())}\n"
        )
        sys.stdout.flush()
        await over.wait()
    finally:
        await control.stop()
        await simulator.stop()
        core.close()


if __name__ == "__main__":
    asyncio.run(run(parse()))
