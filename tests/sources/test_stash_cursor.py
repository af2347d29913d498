"""Where reading stands: text times, windows, and cursors that were damaged."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.plexsync.sources.stash.cursor import (
    BEGINNING,
    Again,
    Cursor,
    ListedObject,
    Listing,
    ReadMark,
    Run,
    ToRead,
    earlier,
    find_news,
    next_state,
)

NOON = "2024-05-01T12:00:00+02:00"
LATER = datetime(2024, 5, 2, tzinfo=UTC)


def _listing(*times: str, count: int | None = None) -> Listing:
    rows = tuple(
        ListedObject(str(number), raw)
        for number, raw in sorted(
            enumerate(times), key=lambda row: row[1], reverse=True
        )
    )
    return Listing(len(rows) if count is None else count, rows)


def _seen(listing: Listing) -> dict[str, ListedObject]:
    return {row.id: row for row in listing.rows}


@pytest.mark.parametrize(
    ("raw", "seconds", "expected"),
    [
        (NOON, 0, "2024-05-01T12:00:00"),
        (NOON, 7200, "2024-05-01T10:00:00"),
        ("2024-03-01T01:00:00Z", 7200, "2024-02-29T23:00:00"),
        ("2024-05-01T12:00:00.123Z", 1, "2024-05-01T11:59:59"),
        (BEGINNING, 7200, BEGINNING),
        ("soon", 1, BEGINNING),
    ],
)
def test_earlier(raw: str, seconds: int, expected: str) -> None:
    """Going back needs no zone, and no server's text makes it fail."""
    assert earlier(raw, seconds) == expected


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(),
        Cursor({"scenes": ReadMark(NOON, "ab"), "tags": ReadMark()}),
        Cursor({"scenes": ReadMark(NOON)}, Run("2024-05-01T10:00:00", 12)),
        Cursor({"scenes": ReadMark(NOON, "ab", Again.MAY)}),
    ],
)
def test_cursor_survives_storage(cursor: Cursor) -> None:
    """Text and back, and short enough to be saved often."""
    assert Cursor.from_text(cursor.to_text()) == cursor
    assert len(cursor.to_text()) < 250


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        "[]",
        "{}",
        "null",
        '{"v":2,"kinds":{}}',
        '{"v":1}',
        '{"v":1,"kinds":[]}',
        '{"v":1,"kinds":{"scenes":["a"]}}',
        '{"v":1,"kinds":{"scenes":[1,"a",""]}}',
        '{"v":1,"kinds":{"scenes":["a",1,""]}}',
        '{"v":1,"kinds":{"scenes":["a","b","c"]}}',
        '{"v":1,"kinds":{},"run":["a"]}',
        '{"v":1,"kinds":{},"run":["a","x"]}',
        '{"v":1,"kinds":{},"run":"ab"}',
    ],
)
def test_damaged_cursor_is_none(text: str | None) -> None:
    """What cannot be read starts from the beginning, never an exception."""
    assert Cursor.from_text(text) is None


def test_first_look_at_an_empty_stash() -> None:
    """Nothing there is a safe place to start from."""
    empty = Listing(0, ())
    state = next_state(None, empty, None, marked=False)
    assert state == ReadMark(BEGINNING, empty.digest())
    assert state.floor == BEGINNING
    first = _listing(NOON)
    assert find_news(state, first, {}) == ToRead("2024-05-01T12:00:00", ("0",))
    assert find_news(state, first, None).bound == BEGINNING


def test_equal_looks_are_equal_whatever_order_ties_come_in() -> None:
    """Rows of one second have no order of their own."""
    rows = (ListedObject("1", NOON), ListedObject("2", NOON))
    assert Listing(2, rows).digest() == Listing(2, rows[::-1]).digest()
    assert Listing(2, rows).digest() != Listing(3, rows).digest()


def test_settles_only_when_the_second_is_over() -> None:
    """A row may change twice within the second it is stamped with."""
    listing = _listing(NOON)
    at = datetime(2024, 5, 1, 10, tzinfo=UTC)
    digest = listing.digest()

    def look(old: ReadMark | None, date: datetime | None) -> ReadMark:
        return next_state(old, listing, date, marked=False)

    assert look(None, at) == ReadMark(NOON, digest, Again.MUST)
    assert look(None, None) == ReadMark(NOON, digest, Again.MUST)
    assert look(None, LATER) == ReadMark(NOON, digest, Again.MAY)
    fresh = look(None, at)
    assert look(fresh, at + timedelta(seconds=2)) == ReadMark(NOON, digest, Again.MUST)
    assert look(fresh, LATER) == look(fresh, None) == ReadMark(NOON, digest)
    # Names show everything that matters of the objects that have one.
    assert next_state(None, listing, at, marked=True) == ReadMark(NOON, digest)


def test_a_clock_that_was_wrong_once_never_leads() -> None:
    """A row from next year would hide all that follows."""
    listing = _listing("2025-05-01T12:00:00Z", NOON)
    assert next_state(None, listing, LATER, marked=False).at == NOON
    # Not even where it stands in the cursor already.
    poisoned = ReadMark("2025-05-01T12:00:00Z", "x")
    assert next_state(poisoned, listing, LATER, marked=False).at == NOON
    alone = next_state(None, _listing("2025-05-01T12:00:00Z"), LATER, marked=False)
    assert alone.floor == "2024-05-01T12:00:00"  # the westernmost zone's now


def test_greatest_never_goes_back() -> None:
    """The row that led may be deleted."""
    state = ReadMark(NOON, "x")
    moved = next_state(
        state, _listing("2024-05-01T11:00:00+02:00"), LATER, marked=False
    )
    assert moved.at == NOON


def test_digest_holds_in_the_next_window() -> None:
    """The next look asks from a later floor; nothing new must look the same."""
    old = "2024-04-29T12:00:00+02:00"
    state = next_state(None, _listing(NOON, old), LATER, marked=True)
    assert state.digest == Listing(1, (ListedObject("0", NOON),)).digest()


def test_a_listing_that_was_cut_short_is_not_trusted() -> None:
    """Unless it reaches behind the next window."""
    cut = _listing(NOON, "2024-05-01T11:00:00+02:00", count=9)
    assert next_state(None, cut, LATER, marked=True).digest is None
    far = _listing(NOON, "2024-04-01T11:00:00+02:00", count=9)
    assert next_state(None, far, LATER, marked=True).digest is not None
    # A second look from the same floor counts what the next one will count.
    again = next_state(ReadMark(NOON), cut, LATER, marked=True)
    assert again.digest == cut.digest()


def test_known_rows_give_exact_news() -> None:
    """Only what differs is read, from where it starts."""
    before = _listing("2024-05-01T10:00:00+02:00", NOON)
    state = ReadMark(NOON, before.digest())
    after = _listing("2024-05-01T12:30:00+02:00", NOON)
    assert find_news(state, after, _seen(before)) == ToRead(
        "2024-05-01T12:30:00", ("0",)
    )
    gone = Listing(1, before.rows[:1])
    assert find_news(state, gone, _seen(before)) == ToRead()


def test_unknown_rows_cost_the_overlap() -> None:
    """After a restart two hours are read again."""
    state = ReadMark(NOON, "x")
    listing = _listing(NOON, "2024-05-01T12:30:00+02:00")
    assert find_news(state, listing, None) == ToRead("2024-05-01T10:00:00")


def test_another_offset_widens_the_overlap() -> None:
    """A server that moved zones writes up to 26 hours earlier."""
    state = ReadMark(NOON, "x")
    listing = _listing(NOON, "2024-05-01T03:30:00-07:00")
    assert find_news(state, listing, None) == ToRead("2024-04-30T10:00:00")


def test_cut_listing_reads_late_commits_again() -> None:
    """Rows beyond the listing may have been committed late."""
    before = _listing(NOON)
    after = _listing(NOON, "2024-05-01T12:00:05+02:00", count=5000)
    assert find_news(ReadMark(NOON, "x"), after, _seen(before)) == ToRead(
        "2024-05-01T11:55:00"
    )


def test_a_rename_shows_within_the_same_second() -> None:
    """Objects that have a name are compared by it, too."""
    before = Listing(1, (ListedObject("1", NOON, "Ann"),))
    after = Listing(1, (ListedObject("1", NOON, "Anna"),))
    state = ReadMark(NOON, before.digest())
    assert state.digest != after.digest()
    assert find_news(state, after, _seen(before)).ids == ("1",)
