"""What the ledger says of one field of one item, for one source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..model.fields import FIELDS, Kind
from ..model.record import Actor, Record, Value, value_to_json
from ..util.digests import short_digest
from ..util.json_text import dump, load


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of the ledger.

    For lists ``value`` holds the members that we own, else the whole value; for images
    the digest of the bytes; None where we emptied the field. ``intent`` is what a write
    that was not yet confirmed meant to leave behind; ``before`` what stood there before
    the first, for images the server's key of the picture that was selected.
    """

    field: str
    source: str
    value: Value | None
    key: str = ""  # of the record; "" where nobody knows which one
    # When it became ours, or another source was found to lead: ``Clock.wall`` seconds.
    at: float = 0.0
    confirmed: bool = True  # else ``value`` says nothing: no write was ever seen
    intent: Value | None = None
    earlier: tuple[Value | None, ...] = ()  # intents before it, of unknown outcome, too
    pending: bool = False
    # How Plex shows ``value`` where that is another form; of a picture Plex's own mark.
    shown: Value | None = None
    locked: bool = False  # the lock that stands on it is ours
    before: Value | None = None
    before_known: bool = False
    before_locked: bool = False
    before_year: int | None = None  # of the item, where the field is its date
    # None: the row counts. Else it owns nothing, because it WAITS, or is UNDONE, or an undo
    # took back the revision of its record that has this token. Before that stands the name
    # of the value that was undone (``name_value``), where it is known.
    released: str | None = None
    # Its source was removed, or wants nothing there any more. It claims no value; but what
    # it wrote is ours to undo, and the lock that it set counts as ours while it stands.
    let_go: bool = False

    @property
    def meant(self) -> tuple[Value | None, ...]:
        """What writes meant whose outcome nobody knows; that of the last one first."""
        return (self.intent, *self.earlier) if self.pending else ()

    @property
    def wants(self) -> Value | None:
        """What its source said last."""
        return self.intent if self.pending else self.value

    def is_all_of(self, record: Record, *, locked: bool) -> bool:
        """Return whether a record has nothing new for it, the field locked or not."""
        return (
            (self.source, self.key) == (record.source, record.key)
            and (self.confirmed, self.locked) == (True, locked)
            and not (self.pending or self.let_go or self.earlier)
            and self.released is None
            and self.value == record.fields[self.field]
        )

    def owns(self, *, locked: bool) -> bool:
        """Return whether members of this row that stand there are its own.

        Once our lock is gone, what was let go of belongs to whoever brings it again.
        """
        return not self.let_go or (self.locked and locked)

    def is_undone(self, record: Record, value: Value | None) -> bool:
        """Return whether an undo took back what its record says of the field."""
        name, _, token = (self.released or "").rpartition(" ")
        return token == record.token() or name == name_value(value)

    @property
    def has_undone_value(self) -> bool:
        """Whether it is known which value was undone."""
        return (self.released or "").startswith(_NAME)

    @property
    def claims(self) -> bool:
        """Whether its source wants a value there."""
        held = not self.let_go and self.released is None
        return held and self.wants is not None


# Why a row owns nothing, in ``released``, where else the token of a revision stands.
WAITS: Final = ""  # another source leads; its own has a value, too, and may lead later
UNDONE: Final = "*"  # undone; whose it was will be known once a record has the file

_NAME: Final = "="  # begins the name of a value

NOTHING: Final = "null"  # as the ledger keeps that we emptied a field

type Ledger = Mapping[str, Sequence[LedgerRow]]


def row_of(rows: Sequence[LedgerRow], source: str) -> LedgerRow | None:
    """Return the row of one source."""
    for row in rows:  # a generator would take longer than all else here
        if row.source == source:
            return row
    return None


def is_for_whoever_comes(ledger: Ledger, record: Record) -> bool:
    """Return whether an undo took back what a record says, and nobody knew then whose it was."""
    return record.mirror and any(
        row.source == record.source and row.released == UNDONE
        for rows in ledger.values()
        for row in rows
    )


def locked_before(rows: Sequence[LedgerRow]) -> bool:
    """Return whether the field was locked before the first of us came."""
    return bool(rows) and rows[0].before_known and rows[0].before_locked


def another_leads(
    rows: Sequence[LedgerRow], source: str, order: Sequence[str] = ()
) -> bool:
    """Return whether a field follows another source than this one.

    ``order`` names the sources, the first one leads. Of those that it does not name
    the one leads that came first.
    """
    rank = partial(rank_of, order)
    mine = row_of(rows, source)
    for row in rows:
        if row is mine and row.claims:
            return any(
                rank(other.source) < rank(source) for other in rows if other.claims
            )
        if row is not mine and row.claims and rank(row.source) <= rank(source):
            return True
    return False


def rank_of(order: Sequence[str], source: str) -> int:
    """Return the place of a source in the order in which they lead."""
    return order.index(source) if source in order else len(order)


def name_value(value: Value | None) -> str:
    """Name a value, to recognise it once its row has none any more.

    A list has one name in whatever order; no token of a revision looks like it.
    """
    text = encode(value)
    if isinstance(value, tuple):
        text = dump(sorted(map(dump, load(text))))
    return f"{_NAME}{short_digest(text)}"


def encode(value: Value | None) -> str:
    """Write a value as the ledger keeps it."""
    return NOTHING if value is None else dump(to_json(value))


def to_json(value: Value | None) -> Any:
    """Shape a value as the ledger keeps it: of an actor a list, which names nothing."""
    if isinstance(value, tuple) and value and isinstance(value[0], Actor):
        return [_shape(member) for member in value if isinstance(member, Actor)]
    return value_to_json(value)


def _shape(actor: Actor) -> list[str | None]:
    if actor.thumb:
        return [actor.name, actor.role, actor.thumb]
    return [actor.name] if actor.role is None else [actor.name, actor.role]


def _cast(data: list[Any]) -> tuple[Actor, ...]:
    """Read actors; earlier versions named what they knew of each."""
    return tuple(
        [Actor(*each) if isinstance(each, list) else Actor(**each) for each in data]
    )


_BY_KIND: dict[Kind, Callable[[Any], Any]] = {
    Kind.TAGS: tuple,
    Kind.CAST: _cast,
    Kind.RATING: float,
}
# Texts are what they are; of a picture so are digest, mark and key.
DECODERS = {name: _BY_KIND.get(field.kind, str) for name, field in FIELDS.items()}
