"""What an answer says in words that are known, and what of it has to be read."""

import pytest

from custom_components.plexsync.plex.same import cut

HEAD = b'<?xml version="1.0"?>\n<MediaContainer size="2" librarySectionID="1">\n'
ONE = b'<Video ratingKey="1" title="a &lt; b > c"><Media><Part file="/1"/></Media></Video>'
TWO = b'<Directory ratingKey="2" title="B"><Genre tag="x"/></Directory>'
END = b"\n</MediaContainer>\n"


def answer(*items: bytes, head: bytes = HEAD) -> bytes:
    """Lay items out as Plex does."""
    return head + b"\n".join(items) + END


def test_what_is_known_is_left_out() -> None:
    """And what has changed by as little as one letter is not."""
    known = cut(answer(ONE, TWO), {}).digests
    assert known.keys() == {"1", "2"}
    again = cut(answer(ONE, TWO), known)
    assert again.same == {"1", "2"}
    assert again.rest == HEAD + b"</MediaContainer>"
    changed = cut(answer(ONE.replace(b"/1", b"/9"), TWO), known)
    assert changed.same == {"2"}
    assert b'ratingKey="1"' in changed.rest
    assert b'ratingKey="2"' not in changed.rest
    assert changed.digests["1"] != known["1"]


def test_the_words_are_the_same_wherever_an_item_stands() -> None:
    """How many others an answer tells of, and in which order, says nothing of an item."""
    known = cut(answer(ONE, TWO), {}).digests
    assert cut(answer(TWO, ONE), known).same == {"1", "2"}
    alone = answer(TWO, head=HEAD.replace(b"2", b"1"))
    assert cut(alone, known).same == {"2"}


def test_another_library_is_news() -> None:
    """Which one it is may stand at the answer as a whole."""
    known = cut(answer(ONE, TWO), {}).digests
    moved = answer(ONE, TWO, head=HEAD.replace(b'ID="1"', b'ID="3"'))
    assert cut(moved, known).same == set()


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"<html><Video ",
        answer(),
        answer(ONE, b'<Directory ratingKey="2"><Directory/></Directory></Directory>'),
        answer(ONE, b"<!-- of another layout -->", TWO),
        answer(ONE, b'<Video ratingKey="2"/>'),
        answer(ONE, TWO)[: -len(END)],
        answer(ONE, TWO)[:-40],
        answer(ONE, b'<Other ratingKey="2"></Other>'),
    ],
)
def test_what_is_laid_out_otherwise_is_read_whole(other: bytes) -> None:
    """Whatever is known: the parser judges it."""
    known = cut(answer(ONE, TWO), {}).digests
    found = cut(other, known)
    assert (found.rest, found.digests, found.same) == (other, {}, set())


def test_of_an_item_that_is_told_of_twice_one_is_read() -> None:
    """Twice the same words, or not."""
    known = cut(answer(ONE, TWO), {}).digests
    twice = cut(answer(ONE, ONE), known)
    assert twice.same == {"1"}
    assert b'ratingKey="1"' in twice.rest
