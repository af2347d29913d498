"""The demo's commands; see scripts/demo."""

import argparse
import asyncio
from collections.abc import Sequence
import os
from pathlib import Path
import signal

from aiohttp import ClientError

from . import running, story, watching
from .home import HomeError
from .place import REPOSITORY, Place
from .terminal import say, stop_with


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="PlexSync at work: a real Home Assistant, a simulated Plex and Stash.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    start = commands.add_parser("start", help="start (also without a command)")
    start.add_argument("--detach", action="store_true", help="do not wait for Ctrl-C")
    for each in (start, parser):
        each.add_argument(
            "--fresh", action="store_true", help="forget the demo of before"
        )
    edit = commands.add_parser("edit", help="change a title in Stash")
    edit.add_argument("name", nargs="?", default="", help="part of a film's name")
    edit.add_argument("--count", type=int, default=1, help="how many titles")
    commands.add_parser("stop-plex", help="take Plex down")
    commands.add_parser("start-plex", help="bring Plex back")
    commands.add_parser("restart", help="restart Home Assistant only")
    commands.add_parser("status", help="print where everything stands")
    commands.add_parser("stop", help="end the demo")
    pictures = commands.add_parser("pictures", help="take the pictures of the docs")
    pictures.add_argument("--folder", type=Path, default=REPOSITORY / "docs/images")
    page = commands.add_parser(
        "check-page", help="check the review page in a browser, in a demo of its own"
    )
    page.add_argument("--folder", type=Path, help="keep pictures of it there")
    page.add_argument(
        "--axe", type=Path, help="axe.min.js of axe-core, to check access"
    )
    return parser.parse_args(arguments)


def _start(place: Place, options: argparse.Namespace) -> None:
    """Start, and stay until Ctrl-C unless told otherwise."""
    try:
        asyncio.run(running.start(place, fresh=options.fresh))
        place = Place.load(place.root)
        if getattr(options, "detach", False):
            return
        say("Ctrl-C ends it all")
        asyncio.run(watching.watch(place))
    except KeyboardInterrupt:
        # A second one must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print()
        running.stop(Place.load(place.root))


def main() -> None:
    """Do what was asked for, and say in one line why it was not possible."""
    try:
        _run(parse())
    except (ClientError, HomeError, LookupError) as error:
        stop_with(f"{type(error).__name__}: {error}")
    except FileNotFoundError as error:
        stop_with(f"Not installed here: {error.filename}")
    except TimeoutError as error:
        stop_with(str(error) or "That took too long. See .demo/*.log")


def _run(options: argparse.Namespace) -> None:
    # A terminal that closes is Ctrl-C as well.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    place = Place.load(Path(os.environ.get("DEMO_HOME", REPOSITORY / ".demo")))
    match options.command:
        case "edit":
            asyncio.run(story.edit(place, count=options.count, name=options.name))
        case "stop-plex":
            asyncio.run(story.stop_plex(place))
        case "start-plex":
            asyncio.run(story.start_plex(place))
        case "restart":
            asyncio.run(running.restart(place))
        case "status":
            asyncio.run(story.status(place))
        case "stop":
            running.stop(place)
        case "pictures":
            from .pictures import take

            asyncio.run(take(place, options.folder))
        case "check-page":
            from .page_checks import check

            asyncio.run(check(options.folder, options.axe))
        case _:
            _start(place, options)


if __name__ == "__main__":
    main()
