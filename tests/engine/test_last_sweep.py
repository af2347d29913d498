"""Whether a sweep is owed, and what is remembered of the last one."""

from pathlib import Path

import pytest

from custom_components.plexsync.engine.circuit.outages import DAY, Outage
from custom_components.plexsync.engine.database import stats
from custom_components.plexsync.engine.database.database import Database
from custom_components.plexsync.engine.database.layout import Layout
from custom_components.plexsync.engine.sweep.last_sweep import (
    LastSweep,
    finish,
    look_up,
    recall,
)

HOUR = 3600.0
NIGHT = 1_700_000_000.0


@pytest.mark.parametrize(
    ("began", "now", "owed"),
    [
        (NIGHT, NIGHT + HOUR, False),  # it ran
        (NIGHT - DAY, NIGHT + 60, True),  # a restart ended it, or nobody was there
        (NIGHT - 9 * DAY, NIGHT + HOUR, True),
        (NIGHT - 5 * HOUR, NIGHT + HOUR, False),  # by hand, or the time was changed
        (NIGHT - 12 * HOUR, NIGHT + HOUR, True),
        (NIGHT + 9 * DAY, NIGHT + HOUR, False),  # the clock was set back
    ],
)
def test_a_missed_night_is_owed(began: float, now: float, owed: bool) -> None:
    """If its time has passed since the last sweep began, which was not just now."""
    last = LastSweep(began, began + 60, began + 60)
    assert last.is_owed(NIGHT, (), now) is owed


OVER = NIGHT + 3 * DAY
LONG = Outage(NIGHT, OVER, "refused")


@pytest.mark.parametrize(
    ("last", "owed"),
    [
        # All was compared before.
        (LastSweep(NIGHT - HOUR, NIGHT - 1, NIGHT - 1), True),
        # Some was compared before, and some after.
        (LastSweep(NIGHT - 1, OVER + HOUR, OVER + HOUR), True),
        # The night's waited for the end.
        (LastSweep(NIGHT + HOUR, OVER + HOUR, OVER + HOUR), False),
        (LastSweep(NIGHT + HOUR, OVER + HOUR, NIGHT - DAY), False),
        # The night's came to its end at once: the source was away, too.
        (LastSweep(NIGHT + HOUR, NIGHT + HOUR + 3, NIGHT - DAY), True),
        (LastSweep(NIGHT + HOUR, NIGHT + HOUR + 3, None), True),
        # The outage flapped when all had been compared.
        (LastSweep(OVER - 50, OVER - 40, OVER - 40), False),
        # It was followed by a sweep already, which lacked a source.
        (LastSweep(OVER, OVER + 5, None), False),
        # None has ended so far.
        (LastSweep(NIGHT - HOUR), True),
        (LastSweep(NIGHT + HOUR), True),
        (LastSweep(OVER + HOUR), False),
    ],
)
def test_a_long_outage_is_followed_by_one_sweep(last: LastSweep, owed: bool) -> None:
    """By one that compared everything since it began, as far as it could be read."""
    now, night = OVER + 2 * HOUR, last.began
    assert last.is_owed(night, [LONG], now) is owed
    short = Outage(OVER + HOUR, OVER + HOUR + 60, "timeout")
    assert last.is_owed(night, [LONG, short], now) is owed


@pytest.mark.parametrize("end", [None, NIGHT, NIGHT + DAY])
def test_no_other_outage_calls_for_one(end: float | None) -> None:
    """Neither one that lasts nor one of a day or less."""
    last = LastSweep(NIGHT - HOUR, NIGHT - 1, NIGHT - 1)
    outages = [Outage(NIGHT, end, "refused")]
    assert not last.is_owed(last.began, outages, NIGHT + 2 * DAY)


async def test_what_is_remembered(tmp_path: Path) -> None:
    """The first look is where nights begin to count; a source that lacked spoils no time."""
    database = Database(tmp_path / "a.db", Layout((stats.SCHEMA,)))
    database.open()
    assert await database.run(recall) is None
    assert await database.run(lambda db: look_up(db, 5.0)) == LastSweep(5.0)
    assert await database.run(lambda db: look_up(db, 9.0)) == LastSweep(5.0)
    await database.run(lambda db: finish(db, 10.0, 11.0, whole=False))
    assert await database.run(recall) == LastSweep(10.0, 11.0)
    await database.run(lambda db: finish(db, 20.0, 21.0, whole=True))
    assert await database.run(recall) == LastSweep(20.0, 21.0, 21.0)
    await database.run(lambda db: finish(db, 30.0, 31.0, whole=False))
    assert await database.run(recall) == LastSweep(30.0, 31.0, 21.0)
    database.close()
