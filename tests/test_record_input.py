"""What an action is given, however odd: a record that can be kept, or words for why not."""

from datetime import UTC, date, datetime, timedelta, timezone
import math
import sqlite3
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from hypothesis import HealthCheck, given, settings, strategies as st
import probatio
import pytest

from custom_components.plexsync.actions import schemas
from custom_components.plexsync.actions.record_input import (
    async_record,
    rating_key,
    record_key,
)
from custom_components.plexsync.engine.jobs import intake, queue
from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.layout import LAYOUT
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.record import Image
from custom_components.plexsync.images import ImageDesk

HUGE = 10**400
letters = st.text(st.characters(codec=None), max_size=20)
odd_texts = st.sampled_from(
    [
        "\ud800",
        "a\0b",
        "9" * 400,
        "1e999",
        "nan",
        "0000-00-00",
        "9999-99-99",
        "２０２０-01-01",
        "http://[x",
        "http://[::1",
        "https://a:99999/",
        "http://",
        "http://\ud800/",
        "https://a/\0",
        "/media/" + "x" * 5000,
        "/media/\ud800.jpg",
        "imdb://\ud800",
        "plex://" + "x" * 5000,
        str(2**63),
        "9" * 5000,
    ]
)
odd_numbers = st.sampled_from([HUGE, -HUGE, 2**63, math.inf, -math.inf, math.nan])
odd_times = st.sampled_from(
    [
        datetime(1, 1, 1),  # noqa: DTZ001  # as somebody may write it
        datetime(9999, 12, 31),  # noqa: DTZ001
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        date.min,
        date.max,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ]
)
odd = odd_texts | odd_numbers | odd_times
things = st.recursive(
    odd | letters | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "role"]) | letters, each, max_size=3)
    ),
    max_leaves=6,
)
records = st.fixed_dictionaries(
    {"fields": st.dictionaries(st.sampled_from(list(FIELDS)) | letters, things)},
    optional=dict.fromkeys(["path", "guid", "rating_key", "key", "wait"], odd | things),
)
given_often = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


async def accept(hass: HomeAssistant, data: dict[str, Any]) -> bool:
    """Take a record in as the action does, and keep it; say whether it was accepted."""
    try:
        checked = schemas.SYNC_ITEM(data)
        record = await async_record(hass, ImageDesk(hass), checked)
    except probatio.Invalid, ServiceValidationError:
        return False
    assert 0 <= checked["wait"] <= schemas.MAX_WAIT
    db = sqlite3.connect(":memory:", isolation_level=None)
    for schema in LAYOUT.schemas:
        db.executescript(schema)
    intake.enqueue(db, record, Priority.INTERACTIVE, 0.0)
    (job,) = queue.claim(db, 1, 1.0, 0)
    assert job.record.fields == record.fields
    # What looks for the item, and for what is known of its pictures.
    refs = [each.ref for each in record.fields.values() if isinstance(each, Image)]
    for text in (*record.find.paths, *record.find.guids, *refs):
        assert db.execute("SELECT ?", (text,)).fetchone() == (text,)
    db.close()
    assert record.fingerprint()
    return True


@given_often
@given(data=records)
async def test_any_record(hass: HomeAssistant, data: dict[str, Any]) -> None:
    """Nothing but words comes out."""
    hass.config.allowlist_external_dirs = {"/media"}
    await accept(hass, data)


@given_often
@given(name=st.sampled_from(list(FIELDS)), value=odd | st.lists(odd) | things)
async def test_any_value(hass: HomeAssistant, name: str, value: Any) -> None:
    """One field at a time, so that others hide nothing."""
    hass.config.allowlist_external_dirs = {"/media"}
    await accept(hass, {"path": "/films/one.mkv", "fields": {name: value}})


@given_often
@given(name=st.sampled_from(["path", "guid", "rating_key", "wait"]), value=odd | things)
async def test_any_call_of_sync_item(
    hass: HomeAssistant, name: str, value: Any
) -> None:
    """What is beside the fields, too."""
    call = {"path": "/films/one.mkv"} if name == "wait" else {"key": "one"}
    await accept(hass, call | {name: value, "fields": {"title": "One"}})


@given_often
@given(
    schema=st.sampled_from(
        [
            schemas.PREVIEW_ITEM,
            schemas.UNDO_ITEM,
            schemas.PIN_ITEM,
            schemas.GET_JOBS,
            schemas.FAILED_JOBS,
            schemas.RECONCILE,
        ]
    ),
    data=st.data(),
)
def test_any_call(schema: Any, data: st.DataObject) -> None:
    """Each of the other actions: what passes can be counted with and asked SQLite for."""
    names = [str(key) for key in schema.schema]
    call = data.draw(st.dictionaries(st.sampled_from(names), odd | things))
    try:
        checked = schema(call)
        for name, check in (("key", record_key), ("rating_key", rating_key)):
            if name in checked:
                checked[name] = check(checked[name])
    except probatio.Invalid, ServiceValidationError:
        return
    if "since" in checked:
        assert math.isfinite(checked["since"].timestamp())
    with sqlite3.connect(":memory:") as db:
        for value in checked.values():
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(each, dict | datetime):
                    db.execute("SELECT ?", (each,))
    db.close()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"fields": {"poster": "http://[x"}}, "image_not_allowed"),
        ({"fields": {"poster": "http://[]@"}}, "image_not_allowed"),
        ({"fields": {"poster": "/media/\0"}}, "not_an_image"),
        ({"fields": {"poster": "/" + "x" * 5000}}, "not_an_image"),
        ({"fields": {"user_rating": int("9" * 400)}}, "rating_out_of_range"),
        ({"fields": {"user_rating": math.inf}}, "rating_out_of_range"),
        ({"fields": {"user_rating": math.nan}}, "not_a_rating"),
        ({"fields": {5: "x"}}, "unknown_field"),
        ({"guid": "imdb://" + "x" * 5000, "fields": {"title": "x"}}, "guid_invalid"),
    ],
)
async def test_the_error_says_what_is_wrong(
    hass: HomeAssistant, data: dict[str, Any], error: str
) -> None:
    """In words that are translated."""
    hass.config.allowlist_external_dirs = {"/media"}
    if "guid" not in data:
        data |= {"path": "/films/one.mkv"}
    with pytest.raises(ServiceValidationError) as caught:
        await async_record(hass, ImageDesk(hass), schemas.SYNC_ITEM(data))
    assert caught.value.translation_key == error


@pytest.mark.parametrize("name", ["rating_key", "key", "path", "wait", "user_rating"])
async def test_a_number_that_python_prints_no_more(
    hass: HomeAssistant, name: str
) -> None:
    """Over 4,300 digits."""
    huge = 10**5000
    data: dict[str, Any] = {"path": "/films/one.mkv", "fields": {"title": "x"}}
    if name == "user_rating":
        data["fields"] = {name: huge}
    else:
        data[name] = huge
    assert not await accept(hass, data)


@pytest.mark.parametrize("number", [math.inf, math.nan, HUGE, "9" * 5000, 2**63])
@pytest.mark.parametrize(
    ("schema", "name"),
    [
        (schemas.SYNC_ITEM, "wait"),
        (schemas.GET_JOBS, "limit"),
        (schemas.GET_JOBS, "offset"),
        (schemas.FAILED_JOBS, "ids"),
    ],
)
def test_numbers_that_are_none(schema: Any, name: str, number: Any) -> None:
    """They cannot be waited for, nor counted to."""
    least = {"fields": {}} if schema is schemas.SYNC_ITEM else {}
    assert schema(least | {name: 5})
    with pytest.raises(probatio.Invalid):
        schema(least | {name: number})


def test_a_time_at_the_end_of_time() -> None:
    """In another time zone there is none."""
    late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    with pytest.raises(probatio.Invalid):
        schemas.UNDO_SINCE({"since": late})
    assert schemas.UNDO_SINCE({"since": datetime(2026, 1, 1, tzinfo=UTC)})
