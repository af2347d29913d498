"""Run the simulated Plex: `python -m tests.simulators.plex --items 1000`."""

import argparse
import asyncio
from dataclasses import asdict
import json
from pathlib import Path
import signal

from ..films import FILMS
from .control import ControlServer
from .core import PlexCore
from .library import from_films, synthetic
from .server import PlexSimulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulators.plex", description=__doc__
    )
    parser.add_argument("--port", type=int, default=32400, help="0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument(
        "--items", type=int, default=0, help="size of the synthetic library"
    )
    parser.add_argument("--films", action="store_true", help="a library of real films")
    parser.add_argument(
        "--location", default=None, help="folder of the library, as Plex sees it"
    )
    parser.add_argument(
        "--latency-ms", type=float, default=0.0, help="for reads; writes take as long"
    )
    parser.add_argument(
        "--state", type=Path, help="keep the library in this file across restarts"
    )
    parser.add_argument("--token", default="sim-token")
    parser.add_argument("--machine-identifier", default="sim0001")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def _main(args: argparse.Namespace) -> None:
    core = PlexCore(
        token=args.token, machine_identifier=args.machine_identifier, seed=args.seed
    )
    if args.state and args.state.exists():
        core.load(json.loads(args.state.read_text(encoding="utf-8")))
    else:
        if args.films:
            from_films(
                core,
                [asdict(film) for film in FILMS],
                location=args.location or "/data/films",
            )
        if args.items:
            synthetic(core, args.items, args.location or "/data/movies")
    simulator = PlexSimulator(core)
    simulator.latency_read = simulator.latency_write = args.latency_ms / 1000
    control = ControlServer(simulator, args.state)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await simulator.start(args.port)
    await control.start(args.control_port)
    print(
        f"plex={simulator.url} control={control.url} items={len(core.items)}",
        flush=True,
    )
    await stopping.wait()
    await control.stop()
    await simulator.close()
    if args.state:
        simulator.save(args.state)


if __name__ == "__main__":
    asyncio.run(_main(_arguments()))
