"""Leave what a Home Assistant keeps of PlexSync, in the middle of an outage.

Run in the checkout of a version, before the next one is made, so that its own code
leaves it: ``PYTHONPATH=. python tests/homes/leave.py FOLDER``, with the path of a newer
checkout's file where the version is older than it. ``tests/homes`` has one folder
for each version that was ever released.
"""

import asyncio
from collections.abc import Mapping
import contextlib
import json
from pathlib import Path
import sqlite3
import sys
import tempfile
from typing import Any

from demo.flows import preset
from demo.home import HomeError
from tests.hass_process import HassProcess, hass_process, until
from tests.simulators.films import FILMS
from tests.simulators.plex import PlexSimulator, from_films
from tests.simulators.stash import StashCore, StashSimulator, load_films

COUNT = 6  # films
WAITING = 5  # of them wait for another title: three by action, two by Stash
GUID = "imdb://tt0000001"  # of two items: nobody knows which one is meant
PLEX_URL, STASH_URL = "http://plex.example:32400", "http://stash.example:9999"
_ENTRIES = "/api/config/config_entries"


def new_title(number: int) -> str:
    """Name the n-th film as it shall be once Plex is back."""
    return f"{FILMS[number].title}, restored"


def edit(stash: StashSimulator) -> None:
    """Rename two films in Stash, as it was done while Plex was away."""
    for number in (3, 4):
        path = f"/media/films/{FILMS[number].path}"
        key = next(k for k in stash.core.scene_ids() if stash.core.paths(k) == [path])
        stash.core.edit_scene(key, title=new_title(number))


async def live(process: HassProcess, plex: PlexSimulator, stash: StashSimulator) -> str:
    """Sync, change options, let one job fail and five wait; give the entry's id."""
    await process.start()
    entry_id = await _set_up(process, plex, stash)
    process._entities = await process.home.entities("plexsync")  # noqa: SLF001  # whatever the version shows
    await process.until_state("sensor.synced", str(COUNT))
    await process.until_state("sensor.pending", "0")
    answer = await process.act(
        "sync_item", guid=GUID, fields={"title": "Which one?"}, wait=30
    )
    assert answer["reason"] == "ambiguous", answer
    await plex.stop()
    for number in range(3):
        await process.act(
            "sync_item",
            path=f"/data/films/{FILMS[number].path}",
            fields={"title": new_title(number)},
        )
    await process.until_state("sensor.circuit", "open")
    edit(stash)
    await process.until_state("sensor.pending", str(WAITING))
    await until(lambda: process.stored()["step"] >= 1)
    process.program.stop()
    return entry_id


async def _set_up(
    process: HassProcess, plex: PlexSimulator, stash: StashSimulator
) -> str:
    """Go through the flows with what each form shows, and a few choices of our own."""
    chosen: Mapping[str, Any] = {
        "url": plex.url,
        "token": plex.token,
        "stale_after": 9,
        "poll_interval": 45,
        "poll_slowest": 45,
        "start": "everything",
    }
    made = await _go(process, f"{_ENTRIES}/flow", "plexsync", chosen)
    entry_id = str(made["result"]["entry_id"])
    await _go(process, f"{_ENTRIES}/options/flow", entry_id, chosen)
    chosen = {**chosen, "url": stash.url, "summary": "fill", "code_to": "tagline"}
    path = f"{_ENTRIES}/subentries/flow"
    await _go(process, path, [entry_id, "stash"], chosen)
    entries = process.place.config / ".storage" / "core.config_entries"
    await until(lambda: entries.exists() and stash.url in entries.read_text())
    process._entry_id = entry_id  # noqa: SLF001  # set by the steps that stand above
    return entry_id


async def _go(
    process: HassProcess, path: str, handler: Any, chosen: Mapping[str, Any]
) -> dict[str, Any]:
    """Go through a flow until it ends."""
    answer = await process.home.post(path, {"handler": handler})
    while answer["type"] in ("form", "menu", "progress"):
        at = f"{path}/{answer['flow_id']}"
        if answer["type"] == "menu":
            answer = await process.home.post(at, {"next_step_id": "manual"})
            continue
        if answer["type"] == "progress":
            await asyncio.sleep(0.2)
            answer = await process.home.get(at)
            continue
        if answer.get("errors"):
            raise HomeError(f"{answer['step_id']}: {answer['errors']}")
        answer = await process.home.post(at, _filled(answer["data_schema"], chosen))
    assert answer["type"] == "create_entry", answer
    return dict(answer)


def _filled(schema: list[dict[str, Any]], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Fill a form with what it shows, what was chosen, and the first of its lists."""
    form = preset(schema)
    for field in schema:
        name, select = field["name"], (field.get("selector") or {}).get("select", {})
        if field.get("type") == "expandable":
            form[name] |= {
                key: value for key, value in chosen.items() if key in form[name]
            }
        elif name in chosen:
            form[name] = chosen[name]
        elif select.get("multiple") and name not in form:
            form[name] = [select["options"][0]["value"]]
    return form


def _keep(
    config: Path, entry_id: str, plex: PlexSimulator, stash: StashSimulator, to: Path
) -> None:
    """Write it down, with addresses that name no port of the day."""
    storage = config / ".storage"

    def neutral(text: str) -> str:
        return text.replace(plex.url, PLEX_URL).replace(stash.url, STASH_URL)

    entries = json.loads((storage / "core.config_entries").read_text())["data"]
    (entry,) = [each for each in entries["entries"] if each["entry_id"] == entry_id]
    state = plex.core.dump()
    with contextlib.closing(sqlite3.connect(storage / f"plexsync.{entry_id}.db")) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        lines = [f"PRAGMA user_version={version};", *db.iterdump()]
    to.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "entry.json": json.dumps(entry, indent=2),
        "circuit.json": (storage / f"plexsync.{entry_id}").read_text(),
        "database.sql": "\n".join(lines),
        "plex.json": json.dumps(state, indent=1),
    }.items():
        (to / name).write_text(f"{neutral(content)}\n")


async def leave(to: Path) -> None:
    """Live through it in a folder of its own, and keep what is left."""
    core = StashCore()
    load_films(core, films=FILMS[:COUNT], covers=False)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            PlexSimulator() as plex,
            StashSimulator(core) as stash,
            hass_process(Path(folder)) as process,
        ):
            from_films(plex.core, [{"path": film.path} for film in FILMS[:COUNT]])
            section = next(iter(plex.core.sections.values()))
            for name in ("One", "Other"):
                file = f"/data/films/{name}.mkv"
                plex.core.add_item(section, name, file=file, guids=(GUID,))
            entry_id = await live(process, plex, stash)
            _keep(process.place.config, entry_id, plex, stash, to)
    core.close()


if __name__ == "__main__":
    asyncio.run(leave(Path(sys.argv[1])))
