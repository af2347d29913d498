"""Sick parts that the lattice does not know: a full disk, a source, what nobody foresaw."""

from itertools import pairwise

import pytest

from custom_components.plexsync.engine.circuit.breaker import Policy

from .lattice import baseline
from .liveness import HOUR, MINUTE, NUMBERS, Ailment, Part, World, parts, run

_WRITES = frozenset({"edit", "upload"})
_PROBES = frozenset({"identity", "count", "sections"})
_PLAIN = (43, 47, 51, 55)  # have neither picture nor collection
_SICK = 0  # has both
_DRAWN = [number for number, part in parts() if part == "poster"]


def _in_time() -> float:
    """Give the seconds that one sick part may make everybody else take."""
    alone = baseline(cold=False).late(parts())
    assert alone is not None
    return 60 + 2 * alone


async def _done(world: World, wanted: list[Part], within: float) -> None:
    assert await world.until(lambda: not world.lacking(wanted), within), (
        f"{len(world.lacking(wanted))} of {len(wanted)} parts are not done"
        f" after {within:.0f} s; {world.ended}"
    )


async def _settled(world: World, failed: set[int]) -> None:
    """Wait until no job is left but those that have failed."""

    async def held() -> bool:
        jobs = await world.jobs()
        left = {number for number, job in jobs.items() if job.state == "failed"}
        return left == failed == jobs.keys()

    assert await world.until(held, HOUR), await world.jobs()


def _paid(world: World) -> dict[str, int]:
    """Give the attempts that jobs have used."""
    return {key: most for key, most in world.watched.attempts.items() if most}


def _state(world: World) -> str:
    return str(world.engine.circuit.breaker.state)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_full_disk_costs_no_attempt(count: int) -> None:
    """Reads go well, no edit does; too few jobs wait to say whose fault that is."""

    async def story(world: World) -> None:
        world.ail(Ailment(_WRITES), "status", code=500)
        await world.submit(_PLAIN[:count])
        await world.sleep(2 * HOUR)
        jobs = await world.look()
        assert sorted(jobs) == sorted(_PLAIN[:count])
        assert not _paid(world)
        assert not world.watched.failed
        assert all(job.reason for job in jobs.values()) or _state(world) != "closed"
        world.recover()
        # Six times an hour it is tried whether edits work again.
        await _done(world, list(parts(_PLAIN[:count])), 13 * MINUTE)
        assert await world.until(lambda: _state(world) == "closed", 10 * MINUTE)
        assert not _paid(world)
        assert not world.ended

    run(story)


def test_an_answer_that_comes_when_the_circuit_is_open_moves_no_probe() -> None:
    """Edits were under way that fail one after the other, some behind the fifth."""
    first = Policy().first_delay * (1 - Policy().jitter)

    async def story(world: World) -> None:
        for action, spec in (
            ("status", {"code": 500}),
            ("slow", {"ms": 1000, "jitter_ms": 15_000}),
        ):
            world.ail(Ailment(frozenset({"edit"})), action, **spec)
        await world.submit(NUMBERS)
        assert await world.until(lambda: _state(world) == "open", HOUR)
        opened = world.now()
        await world.sleep(first - 0.1)
        assert _state(world) == "open"
        late = [seen for seen in world.wire.journal if seen.at > opened]
        assert not late

    run(story)


def test_a_source_that_is_away_keeps_its_pictures_only() -> None:
    """One of them is gone besides: that fails, and is alone in that."""
    within = _in_time()

    async def story(world: World) -> None:
        world.gallery.sick = dict.fromkeys(_DRAWN, "away") | {_SICK: "gone"}
        await world.submit(NUMBERS)
        others = [part for part in parts() if part[1] != "poster"]
        await _done(world, others, within)
        await world.sleep(2 * HOUR)
        jobs = await world.look()
        assert sorted(jobs) == sorted(_DRAWN)
        assert all(job.reason for job in jobs.values())
        failed = {number for number, job in jobs.items() if job.state == "failed"}
        assert failed == {_SICK}
        assert _state(world) == "closed"
        assert not world.engine.circuit.outages.outages
        world.gallery.sick = {_SICK: "gone"}
        left = [part for part in parts() if part != (_SICK, "poster")]
        await _done(world, left, HOUR)
        await _settled(world, {_SICK})
        assert not world.ended

    run(story)


def test_a_source_that_asks_for_a_pause_of_its_pictures_has_one() -> None:
    """And is asked again right after it."""

    async def story(world: World) -> None:
        world.gallery.sick = dict.fromkeys(_DRAWN, "busy")
        await world.submit(NUMBERS)
        await world.sleep(21 * MINUTE)
        moments = [at for at, _ in world.gallery.asked]
        tries = [at for before, at in pairwise([0.0, *moments]) if at - before > 1]
        assert len(tries) == 5
        assert all(300 <= after - at < 310 for at, after in pairwise(tries))
        world.recover()
        await _done(world, list(parts()), 7 * MINUTE)

    run(story)


def test_who_waits_for_pictures_waits_for_nobody_who_has_gone() -> None:
    """Whoever was to try whether they can be had wants none any more."""

    async def story(world: World) -> None:
        world.gallery.sick = dict.fromkeys(_DRAWN, "away")
        await world.submit(NUMBERS)
        await world.sleep(5 * MINUTE)
        ((key,),) = await world.engine.database.run(
            lambda db: db.execute(
                "SELECT key FROM job WHERE blocked IS NOT NULL AND solo = 1"
            ).fetchall()
        )
        chosen = int(key.removeprefix("scene:"))
        await world.submit([chosen], {"poster": None})
        await world.sleep(MINUTE)
        assert chosen not in await world.look()
        world.recover()
        left = [part for part in parts() if part != (chosen, "poster")]
        await _done(world, left, 13 * MINUTE)
        assert not world.ended

    run(story)


def test_what_nobody_foresaw_costs_one_job_its_own_attempts() -> None:
    """Whatever is raised while a picture is fetched, everybody else goes on."""
    within = _in_time()

    async def story(world: World) -> None:
        world.gallery.sick = {_SICK: "crash"}
        await world.submit(NUMBERS)
        others = [part for part in parts() if part[0] != _SICK]
        await _done(world, others, within)
        await world.sleep(2 * HOUR)
        jobs = await world.look()
        assert [*jobs] == [_SICK]
        assert jobs[_SICK].reason
        assert [*_paid(world)] == [f"scene:{_SICK}"]
        assert not world.ended
        assert _state(world) == "closed"
        world.recover()
        await world.engine.failed_jobs.retry()
        await _done(world, list(parts()), HOUR)

    run(story)


def test_a_number_that_no_database_holds_stops_nobody() -> None:
    """One row of a listing has it; whom that row is about may have to wait."""
    within = _in_time()

    async def story(world: World) -> None:
        late = 12  # came after its library was listed
        world.item(late).values["addedAt"] = 10**20
        world.item(late).rows.clear()
        await world.submit(NUMBERS)
        await _done(world, [part for part in parts() if part[0] != late], within)
        assert not world.ended
        assert not _paid(world)

    run(story)


def test_what_failed_is_written_when_asked_again() -> None:
    """Once its item is well, with everything that its record says."""

    async def story(world: World) -> None:
        ailment = Ailment(frozenset({"edit"}), keys=world.rating_keys([_SICK]))
        world.ail(ailment, "status", code=500)
        await world.submit(NUMBERS)
        for turn in range(24):  # others' edits that go well show that it is its own
            await world.sleep(5 * MINUTE)
            await world.retitle(NUMBERS[-1], f"Traffic {turn}")
        assert [*world.watched.failed] == [f"scene:{_SICK}"]
        world.recover()
        await world.engine.failed_jobs.retry()
        await _done(world, list(parts()), 10 * MINUTE)
        await _settled(world, set())

    run(story)


@pytest.mark.parametrize("state", ["closed", "open", "half_open"])
def test_a_reset_helps_in_each_state(state: str) -> None:
    """It hammers nothing while Plex is sick, and ends the wait once it is well."""
    within = _in_time()

    async def story(world: World) -> None:
        ailment = Ailment(_WRITES)
        if state != "closed":
            world.ail(ailment, "status", code=500)
        await world.submit(NUMBERS)
        assert await world.until(lambda: _state(world) == state, HOUR)
        asked = len(ailment.hits)
        before = len(world.wire.journal)
        await world.engine.circuit.reset()
        assert _state(world) == "closed"
        if state != "closed":
            await world.sleep(10 * MINUTE)
            if state == "open":
                assert world.wire.journal[before].kind in _PROBES
            # Five trials after each of some 13 probes.
            assert len(ailment.hits) - asked <= 70, "a reset hammers"
            assert not world.watched.failed
            assert not _paid(world)
            world.recover()
            await world.engine.circuit.reset()
        await _done(world, list(parts()), within)
        assert _state(world) == "closed"
        ends = [outage.ended_by for outage in world.engine.circuit.outages.outages]
        assert ends == (["reset"] * len(ends)), ends
        assert bool(ends) is (state != "closed")
        assert not world.ended

    run(story)
