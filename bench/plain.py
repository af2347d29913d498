"""A plain plexapi script that does the same work the obvious way.

Reads `{"first": 1, "last": 75}` lines from its input, syncs these items one by
one, and answers each with the seconds that it took.
"""

import json
import sys
import time
from typing import Any

from plexapi.server import PlexServer

from .work import Wanted, wanted


def sync(section: Any, item: Wanted) -> None:
    """Search by title, edit the fields, edit the tags, add the collection."""
    movie = section.get(item.found_by)
    movie.batchEdits()
    movie.editTitle(item.title).editSummary(item.summary).editStudio(item.studio)
    movie.editOriginallyAvailable(item.date)
    movie.saveEdits()
    movie.batchEdits()
    movie.addGenre(item.genres)
    cast: dict[str, Any] = {"actor.locked": 1}
    for index, (name, role) in enumerate(item.actors):
        cast[f"actor[{index}].tag.tag"] = name
        cast[f"actor[{index}].tagging.text"] = role
    movie.edit(**cast)  # plexapi has no method of its own for actors
    movie.saveEdits()
    movie.addCollection(item.collection)


def main(url: str, token: str) -> None:
    """Serve the lines that come in."""
    section = PlexServer(url, token).library.section("Movies")  # type: ignore[no-untyped-call]
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        started = time.perf_counter()
        for number in range(order["first"], order["last"] + 1):
            sync(section, wanted(number))
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
