"""A power failure in the middle of an outage: nothing is lost, nothing is hammered."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from homeassistant.util import dt as dt_util
import pytest

from tests.hass_process import HassProcess, hass_process, until
from tests.simulators.films import FILMS, Film
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator

pytestmark = pytest.mark.timeout(240)

BY_ACTION = FILMS[:4]
BY_STASH = FILMS[4:6]  # changed while Home Assistant is dead
SYNCED = 12
# What the schedule drives: the probe, and with it the socket of the notifications.
PROBE = {("GET", "/identity"), ("GET", "/:/websockets/notifications")}
CLOCK = 1.0  # seconds that two looks at the clock may differ by


@pytest.fixture
async def process(
    tmp_path: Path, plex: PlexSimulator, stash: StashSimulator
) -> AsyncIterator[HassProcess]:
    """Give a Home Assistant that has brought all films into line."""
    async with hass_process(tmp_path) as process:
        await process.start()
        await process.set_up(plex, stash)
        await process.until_state("sensor.synced", str(SYNCED))
        await process.until_state("sensor.pending", "0")
        yield process


def new_title(film: Film) -> str:
    """Name a film as it is renamed during the outage."""
    return f"{film.title}, restored"


def rating_key(plex: PlexSimulator, film: Film) -> str:
    """Find the item of a film, as requests name it."""
    return str(plex.core.find(f"/data/films/{film.path}").rating_key)


async def rename(process: HassProcess, film: Film) -> None:
    """Ask for another title; the answer says that the job is on disk."""
    answer = await process.act(
        "sync_item",
        path=f"/data/films/{film.path}",
        fields={"title": new_title(film)},
    )
    assert answer["status"] == "queued"


async def open_with_jobs(process: HassProcess, plex: PlexSimulator) -> None:
    """Take Plex down, leave jobs waiting, and let the delay grow once."""
    await plex.stop()
    for film in BY_ACTION:
        await rename(process, film)
    await process.until_state("sensor.circuit", "open")
    await until(lambda: process.stored()["step"] >= 1)


async def check_still_open(process: HassProcess, before: dict[str, float]) -> None:
    """All jobs wait untouched, and the schedule goes on where it was."""
    assert await process.state("sensor.circuit") == "open"
    jobs = BY_ACTION + BY_STASH
    await process.until_state("sensor.pending", str(len(jobs)))
    listed = (await process.act("get_jobs"))["jobs"]
    assert len(listed) == len(jobs)
    assert {job["attempts"] for job in listed} == {0}
    assert {job["state"] for job in listed} == {"ready"}
    after = process.stored()
    assert after["state"] == "open"
    assert after["step"] >= before["step"]
    next_probe = dt_util.parse_datetime(await process.state("sensor.next_probe"))
    assert next_probe is not None
    if after["step"] == before["step"]:
        assert next_probe.timestamp() == pytest.approx(before["probe_at"], abs=CLOCK)
    else:  # a slow machine: it has been due, and failed
        assert next_probe.timestamp() > before["probe_at"] + CLOCK
    assert await process.state("sensor.outages") == "1"


async def test_kill_during_an_outage(
    process: HassProcess, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """The circuit is still open, and all that waited is written once Plex is back."""
    await open_with_jobs(process, plex)
    before = process.stored()
    process.kill()

    for film in BY_STASH:
        key = next(
            key
            for key in stash.core.scene_ids()
            if stash.core.paths(key) == [f"/media/films/{film.path}"]
        )
        stash.core.edit_scene(key, title=new_title(film))
    # It answers, so that whatever is asked stands in the journal, but is of no use yet.
    plex.faults.add("startup")
    await plex.start()
    plex.journal.clear()

    await process.start()
    await check_still_open(process, before)
    down = list(plex.journal)
    assert {(entry.method, entry.path) for entry in down} <= PROBE
    assert all(entry.time >= before["probe_at"] - CLOCK for entry in down)

    async with process.events() as events:
        plex.faults.clear()
        await until(lambda: "circuit_closed" in events)
    assert events == ["circuit_half_opened", "circuit_closed"]
    await process.until_state("sensor.pending", "0")

    films = BY_ACTION + BY_STASH
    assert [plex.core.find(f"/data/films/{film.path}").title for film in films] == [
        new_title(film) for film in films
    ]
    writes = Counter(entry.param("id") for entry in plex.journal.matching(method="PUT"))
    assert writes == {rating_key(plex, film): 1 for film in films}
    assert await process.state("sensor.circuit") == "closed"
    assert await process.state("sensor.failed") == "0"
    assert await process.state("sensor.synced") == str(SYNCED + len(films))
    (outage,) = (await process.act("get_outages"))["outages"]
    assert outage["cause"] == "refused"
    assert outage["end"] is not None
    assert process.complaints() == []


async def test_kill_in_mid_job(process: HassProcess, plex: PlexSimulator) -> None:
    """An edit whose answer never came is looked at again, and not sent again."""
    film = FILMS[0]
    plex.journal.clear()
    plex.faults.add("blackhole", method="PUT", apply=True)
    await rename(process, film)
    await plex.journal.arrived(method="PUT")
    await until(
        lambda: plex.core.find(f"/data/films/{film.path}").title == new_title(film)
    )
    process.kill()
    plex.faults.clear()

    await process.start()
    await process.until_state("sensor.pending", "0")
    assert plex.core.find(f"/data/films/{film.path}").title == new_title(film)
    assert plex.journal.count(method="PUT") == 1
    assert await process.state("sensor.circuit") == "closed"
    assert await process.state("sensor.failed") == "0"
    assert process.complaints() == []
