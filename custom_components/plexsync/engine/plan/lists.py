"""Tags and casts: lists whose members have owners."""

from functools import cached_property

from ..ledger.row import another_leads, locked_before, rank_of
from ..model.change import Change, Kept
from ..model.compare import Members, by_name, is_exactly, name_of, without
from ..model.record import Actor
from .case import Case


def plan_list(case: Case) -> Change | Kept | None:
    """Compute what becomes of a list: ours follows the source, what is others' stays."""
    mine = _List(case)
    return mine.obstacle() or mine.change()


class _List:
    """A list as it stands in Plex, as its source wants it, and whose its members are."""

    def __init__(self, case: Case) -> None:
        self.case, self.row = case, (row := case.row)
        self.current = by_name(case.current)
        is_known = row and row.shown is not None and row.value == case.wanted
        # As Plex is known to show it.
        self.desired = by_name(row.shown if row and is_known else case.wanted)
        owns = row is not None and row.owns(locked=case.is_locked)
        # What a write of ours was seen to leave there.
        self.own = by_name(row.value) if row and owns else {}
        # Of each write of unknown outcome.
        self.meant = [by_name(each) for each in row.meant] if row else []
        self.maybe_own = dict(self.own)
        for members in self.meant:
            self.maybe_own |= members
        lock_is_ours = any(each.locked or any(each.meant) for each in case.rows)
        # Nobody knows whose the lock is, but the source leads once.
        self.taken = case.leads_once and case.is_locked and not lock_is_ours
        self.lock_is_ours = lock_is_ours or self.taken

    def obstacle(self) -> Kept | None:
        """Return why the list may not be written, or None where it may."""
        case, current, desired = self.case, self.current, self.desired
        if case.is_released:
            return Kept.RELEASED
        if current and not (desired or case.record.identified or self.maybe_own):
            return Kept.UNIDENTIFIED
        is_locked = case.is_locked and not self.lock_is_ours
        if is_locked and not is_exactly(current, desired):
            return Kept.LOCKED
        if case.is_filled and not self.maybe_own:
            is_anothers = not self._of_others.isdisjoint(current)
            return Kept.OTHER_SOURCE if is_anothers else Kept.FILLED
        return None

    def change(self) -> Change | None:
        """Return what makes the target of what stands there, or takes it for ours."""
        case, row = self.case, self.row
        current, desired = self.current, self.desired
        dropped, renamed = self._dropped(), self._renamed()
        target = self._target(renamed)
        # What others have added stays.
        target |= without(current, dropped | target.keys())
        gone = without(current, target.keys())
        if not (desired or gone or self.own or self.meant):
            return None  # nothing of ours stands there, and nothing changes
        if self.meant:
            # A write that hangs may yet bring these.
            hanging = sorted(dropped - current.keys())
            gone |= {name: self.maybe_own[name] for name in hanging}
        again = any(members.keys() != desired.keys() for members in self.meant)
        stands = not again and not renamed and is_exactly(current, target)
        anew = case.is_sure and not case.is_locked and not self._is_any_of_ours()
        is_claimed = not target.keys().isdisjoint(desired.keys() | self._of_others)
        return Change(
            case.name,
            case.current,
            tuple(target.values()) or None,  # type: ignore[arg-type]  # one kind per field
            case.wanted,
            remove=tuple(map(name_of, (*gone.values(), *renamed.values()))),
            was_locked=case.is_locked,
            # We lock only where a member of ours stands.
            lock=is_claimed
            or (
                case.is_locked
                and locked_before(case.rows)
                and not anew
                and bool(target)
            )
            or self._is_a_persons(target),
            stands=stands,
            locked=case.is_locked
            and self.lock_is_ours
            and not target.keys().isdisjoint(desired),
            shown=row.shown if row and stands and row.value == case.wanted else None,
            anew=anew,
            taken=self.taken,
        )

    def _target(self, renamed: Members) -> Members:
        """Return the members that the source wants, as they shall stand there."""
        case, row, own, current = self.case, self.row, self.own, self.current
        # Our lock keeps agents out, so what is missing under it a person took away, unless
        # a write may have done it whose outcome nobody knows, or nobody knows whose lock it is.
        unsure = not case.is_sure or case.leads_once or (row is not None and row.let_go)
        declined = set(own) - set(current) if case.is_locked and not unsure else set()
        return {
            name: _member(
                _follow(member, self._led.get(name)),
                current.get(name),
                own.get(name),
                anew=name in renamed,
            )
            for name, member in without(self.desired, declined).items()
        }

    def _dropped(self) -> set[str]:
        """Name the members that go: ours that are wanted no more, and no other source's."""
        record, no_more = self.case.record, self.maybe_own.keys() - self.desired
        if self.case.wanted is None and record.identified and not record.mirror:
            # An explicit clear empties the field; a mirrored list only takes back its own.
            no_more |= self.current.keys()
        return no_more - self._of_others

    def _renamed(self) -> Members:
        """Return the members of ours that the source spells anew, as they stand there."""
        if self.case.name == "collections":
            # In another spelling it is another one: the item would leave the one that
            # people have given a poster, a summary and an order.
            return {}
        own, current = self.own, self.current
        return {
            name: current[name]
            for name, member in self.desired.items()
            if name in own
            and name in current
            and name_of(member) not in (name_of(own[name]), name_of(current[name]))
        }

    @cached_property
    def _of_others(self) -> set[str]:
        """The members that belong to other sources."""
        return {
            name
            for row in self.case.rows
            if row.source != self.case.record.source and row.claims
            for name in by_name(row.wants)
        }

    @cached_property
    def _led(self) -> Members:
        """The members that another source wants, which leads, as that one says them."""
        case, mine = self.case, self.row
        leaders = [
            row
            for row in case.rows
            if row is not mine
            and another_leads(
                [each for each in case.rows if each in (row, mine)],
                case.record.source,
                case.order,
            )
        ]
        leaders.sort(key=lambda row: rank_of(case.order, row.source), reverse=True)
        return {
            name: member
            for row in leaders
            for name, member in by_name(row.wants).items()
        }

    def _is_a_persons(self, target: Members) -> bool:
        """Return whether a person has added to the list, which our lock has protected since.

        The lock keeps agents out: whatever came under it is neither theirs nor ours.
        """
        rows = self.case.rows
        if not self.case.is_locked or not rows or not rows[0].before_known:
            return False
        known = set(by_name(rows[0].before))
        for row in rows:
            for value in (row.value, row.shown, *row.meant):
                known |= by_name(value).keys()
        return bool(target.keys() - known)

    def _is_any_of_ours(self) -> bool:
        """Return whether a member of ours stands there, or nothing since we emptied the list."""
        rows, current = self.case.rows, self.current
        if not current:
            return any(row.confirmed and row.value is None for row in rows)
        return any(current.keys() & by_name(row.value).keys() for row in rows)


def _follow(wanted: str | Actor, leader: str | Actor | None) -> str | Actor:
    """Give a member the role and the portrait that the source that leads says, if it does."""
    if not isinstance(wanted, Actor) or not isinstance(leader, Actor):
        return wanted
    role = wanted.role if leader.role is None else leader.role
    return Actor(wanted.name, role, leader.thumb or wanted.thumb)


def _member(
    wanted: str | Actor,
    there: str | Actor | None,
    own: str | Actor | None,
    *,
    anew: bool,
) -> str | Actor:
    """Give a member as it shall stand there: as Plex spells it, unless that is to be ``anew``.

    Role and portrait of an actor stay where the record says nothing of them; but a role
    goes that the source has dropped and we wrote.
    """
    if there is None:
        return wanted
    if not isinstance(wanted, Actor) or not isinstance(there, Actor):
        return wanted if anew else there
    role = wanted.role
    if role is None:
        written = own.role if isinstance(own, Actor) else None
        role = "" if written is not None and written == there.role else there.role
    name = wanted.name if anew else there.name
    return Actor(name, role, wanted.thumb or there.thumb)
