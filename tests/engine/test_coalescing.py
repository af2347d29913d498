"""How the database writes which revision each field of a record has."""

from hypothesis import given, strategies as st

from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.engine.model.revisions import (
    WHOLE,
    Revisions,
    revisions_from_text,
    revisions_to_text,
)

LETTERS = "abcdefghijklmnopq"


@given(
    st.dictionaries(
        st.sampled_from([WHOLE, *FIELDS]), st.none() | st.integers(-9, 9), max_size=20
    )
)
def test_revisions_are_read_as_they_were_written(revisions: Revisions) -> None:
    """Whichever fields have one, and those that have none."""
    assert revisions_from_text(revisions_to_text(revisions)) == revisions


def test_a_field_of_a_later_version_is_passed_over() -> None:
    """Who goes back to this one reads what that one knew of the others."""
    assert "?" not in LETTERS
    assert revisions_from_text("5:*?a") == revisions_from_text("5:*a")


def test_letters_stay_those_of_their_fields() -> None:
    """Databases are out there that name the fields so."""
    known = [
        *("title", "sort_title", "original_title", "summary", "tagline", "studio"),
        *("content_rating", "date", "user_rating", "genres", "labels", "collections"),
        *("directors", "writers", "actors", "poster", "background"),
    ]
    of_whole = revisions_from_text(f"5:*{LETTERS}")
    assert of_whole == dict.fromkeys((WHOLE, *known), 5)
    assert len({field.letter for field in FIELDS.values()}) == len(FIELDS)
