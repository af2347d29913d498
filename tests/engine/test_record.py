"""Records: normalisation, three states, round trips."""

from datetime import date
from typing import Any

import pytest

from custom_components.plexsync.engine.model.record import (
    MAX_LINE,
    MAX_PROSE,
    Actor,
    Find,
    Image,
    InvalidRecordError,
    Record,
    fields_from_json,
    normalise,
    value_to_json,
)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("title", "  A\tTrip\nto  the\x00 Moon ", "A Trip to the Moon"),
        ("title", "🎬 \u200fفيلم", "🎬 \u200fفيلم"),
        ("title", "x" * 10_000, "x" * MAX_LINE),
        ("title", "bad \ud800 surrogate", "bad surrogate"),
        ("summary", "One.\r\n\r\nTwo\x07.\rThree ", "One.\n\nTwo.\nThree"),
        ("summary", "\n One.   Two.\tThree. \n\n  Four.\xa0 Five. \n", "One.   Two.\tThree. \n\n  Four.\xa0 Five."),
        ("summary", "y" * 20_000, "y" * MAX_PROSE),
        ("summary", "  ", None),
        ("date", "1902-09-01", "1902-09-01"),
        ("date", date(1902, 9, 1), "1902-09-01"),
        ("date", "", None),
        ("user_rating", 0, 0.0),
        ("user_rating", "7.25", 7.2),
        ("genres", ["Drama", "Drama", " ", "Comedy, dark"], ("Drama", "Comedy, dark")),
        ("genres", [], None),
        ("actors", ["Ann", {"name": "Bob", "role": "Himself"}, {"name": "Ann"}],
         (Actor("Ann"), Actor("Bob", "Himself"))),
        ("poster", "https://example.org/a.jpg", Image("https://example.org/a.jpg")),
        ("studio", None, None),
    ],
)  # fmt: skip
def test_normalise(name: str, value: Any, expected: Any) -> None:
    """What is loose becomes exact, and nothing readable is lost."""
    assert normalise(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("colour", "red", "unknown_field"),
        ("title", 5, "not_text"),
        ("date", "1902", "not_a_date"),
        ("date", "1902-13-01", "not_a_date"),
        ("date", "yesterday", "not_a_date"),
        ("user_rating", 11, "rating_out_of_range"),
        ("user_rating", -0.1, "rating_out_of_range"),
        ("user_rating", True, "not_a_rating"),
        ("user_rating", float("nan"), "not_a_rating"),
        ("genres", "Drama", "not_a_list"),
        ("genres", [1], "not_text"),
        ("actors", [{"role": "x"}], "not_an_actor"),
        ("actors", [{"name": "x", "age": 3}], "not_an_actor"),
        ("poster", 3, "not_an_image"),
    ],
)
def test_bad_values_are_refused(name: str, value: Any, code: str) -> None:
    """Each with a code of its own, and no value in the text."""
    with pytest.raises(InvalidRecordError) as caught:
        normalise(name, value)
    assert caught.value.code == code
    assert caught.value.field == name


def test_round_trip() -> None:
    """Every kind of value survives the database."""
    fields = {
        "title": "T",
        "summary": None,
        "user_rating": 0.0,
        "genres": ("a", "b"),
        "actors": (Actor("A", "r"),),
        "poster": Image("/x", "m"),
    }
    told = {name: value_to_json(value) for name, value in fields.items()}
    assert fields_from_json(told) == fields


def test_fingerprint_ignores_order_and_revision_only() -> None:
    """Equal digests mean equal work."""
    one = Record("s", "k", Find(("/a",)), {"title": "T", "studio": None}, revision=1)
    two = Record("s", "k", Find(("/a",)), {"studio": None, "title": "T"}, revision=2)
    assert one.fingerprint() == two.fingerprint()
    absent = Record("s", "k", Find(("/a",)), {"title": "T"}, revision=1)
    assert absent.fingerprint() != one.fingerprint()
