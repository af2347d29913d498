"""When two values are the same, and when one is the other in another form.

``plan`` asks this for each field: what is the same is not written.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
import unicodedata

from .fields import SORT_TITLE, Field, Kind
from .record import Actor, Value, clean_text

type Members = dict[str, str | Actor]  # by their folded names

_CUT = 20  # characters that a text which was cut still has, at least
_ROUNDED = 0.55


def fold(name: str) -> str:
    """Fold a name: Plex shares tags per library and keeps the first spelling of each."""
    return name.casefold()


def name_of(member: str | Actor) -> str:
    """Return a member's name."""
    return member.name if isinstance(member, Actor) else member


def members_of(value: Value | None) -> tuple[Any, ...] | None:
    """Return the members of a list, None where there are none."""
    return value if isinstance(value, tuple) and value else None


def by_name(value: Value | None) -> Members:
    """Key members by folded name; actors of one name, by their roles, by number too."""
    members = members_of(value) or ()
    # Without a call for each member: this is asked some ten times for every list.
    found: Members = {
        (each.name if isinstance(each, Actor) else each).casefold(): each
        for each in members
    }
    if len(found) < len(members) and isinstance(members[0], Actor):
        return _numbered(members)
    return found


def _numbered(members: tuple[Actor, ...]) -> Members:
    roles: dict[str, list[str]] = {}
    for member in members:
        roles.setdefault(fold(member.name), []).append(member.role or "")
    found: Members = {}
    for member in members:
        key = fold(member.name)
        number = sorted(roles[key]).index(member.role or "")
        found[f"{key}\n{number}" if number else key] = member
    return found


def first_of(key: str) -> str:
    """Return the key of the first member of the same name."""
    return key.partition("\n")[0]


def without(members: Members, names: Collection[str]) -> Members:
    """Leave members out, by folded names."""
    return {name: member for name, member in members.items() if name not in names}


def same_member(current: str | Actor | None, wanted: str | Actor) -> bool:
    """Return whether a member is there as it is wanted; an unsaid role is any role."""
    if isinstance(current, Actor) and isinstance(wanted, Actor):
        return wanted.role is None or (current.role or "") == wanted.role
    return current is not None


def has_all(current: Members, wanted: Members) -> bool:
    """Return whether every member is there as it is wanted, perhaps among others."""
    return all(same_member(current.get(name), wanted[name]) for name in wanted)


def is_exactly(current: Members, desired: Members) -> bool:
    """Return whether a list is just what is wanted."""
    return current.keys() == desired.keys() and has_all(current, desired)


def stands(fields: Mapping[str, Value | None], name: str) -> Value | None:
    """Return what a field amounts to: Plex leaves out a sort title that equals the title."""
    value = fields.get(name)
    if value is None and name == SORT_TITLE:
        return fields.get("title")
    return value


def same(spec: Field, current: Value | None, wanted: Value | None) -> bool:
    """Return whether a text, date or rating in Plex is what was wanted."""
    if current == wanted:
        return True
    if isinstance(current, float) and isinstance(wanted, float):
        return abs(current - wanted) < 0.05  # Plex keeps one decimal
    if spec.kind is Kind.PROSE and isinstance(current, str) and isinstance(wanted, str):
        return clean_text(current, prose=True) == clean_text(wanted, prose=True)
    return False


def is_form(spec: Field, sent: Value | None, shown: Value | None) -> bool:
    """Return whether what Plex shows can be what we sent, in a form of its own.

    Letters raised, white space trimmed, a long text cut, a rating rounded, a date moved
    by a time zone.
    """
    if isinstance(sent, float) and isinstance(shown, float):
        return abs(sent - shown) < _ROUNDED
    if not isinstance(sent, str) or not isinstance(shown, str):
        return False
    if spec.kind is Kind.DATE:
        return abs((day(sent) - day(shown)).days) <= 1
    sent, shown = _plain(sent), _plain(shown)
    return sent == shown or (len(shown) >= _CUT and sent.startswith(shown))


def day(text: str) -> date:
    """Parse a date; any other text gives one that is far from all real dates."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
