"""Plan, ledger and undo against the truth about who wrote what.

One item, two sources, a person, and an agent that refreshes what is not locked.
The model knows the author of each value and of each member, which Plex does not;
plan and ledger have to find out. Sources, person and agent use words of their
own, so that nobody is mistaken for another by chance.
"""

from dataclasses import dataclass, field, replace
import itertools
import sqlite3
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
import pytest

from custom_components.plexsync.engine.ledger import known_items, ledger, ledger_sources
from custom_components.plexsync.engine.ledger.row import Ledger, name_value
from custom_components.plexsync.engine.model.change import Change
from custom_components.plexsync.engine.model.ports import FieldEdit, Item
from custom_components.plexsync.engine.model.record import Find, Record, Value
from custom_components.plexsync.engine.plan.plan import Plan, make_plan
from custom_components.plexsync.engine.plan.undo import make_undo

from .machines import LIMIT, Machine, run

SOURCES = ("stash", "action")  # the first is a mirror of its source
LEADER = "action"
ORDER = (LEADER, "stash")
TEXTS = ("title", "studio")
PERSON, AGENT = "person", "agent"
GONE = "gone"  # whoever was removed: nobody's successor, but of ours
OURS = {*SOURCES, GONE}


@dataclass
class Origin:
    """What stood there before any of us; ``known`` unless we came upon our own words.

    ``locked`` is None where nobody can say any more whose the lock was.
    """

    known: bool
    value: Value | None = None
    locked: bool | None = False


@dataclass
class Truth:
    """One field: who wrote what stands there, and what stood there before us."""

    author: str = AGENT
    members: dict[str, set[str]] = field(
        default_factory=dict
    )  # name → who put it there
    gone: dict[str, set[str]] = field(default_factory=dict)  # whose it was
    declined: set[str] = field(default_factory=set)  # a person took them away
    locker: str = AGENT  # who locked it, where it is locked
    holds: dict[str, Value | None] = field(
        default_factory=dict
    )  # source → what it wrote last, which locks it
    claims: dict[str, Value | None] = field(
        default_factory=dict
    )  # source → what it wants there
    origin: Origin | None = None
    undone: dict[str, str] = field(default_factory=dict)  # source → token
    wants: dict[str, set[str]] = field(default_factory=dict)  # source → members
    # source → what its writes meant, since the last one that was seen there
    cut: dict[str, list[Value | None]] = field(default_factory=dict)
    # source → what it last saw there as it wanted it
    sure: dict[str, Value | None] = field(default_factory=dict)


words = st.sampled_from(["A", "B", "C", None])
names = st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(tuple)
# A late one hangs in Plex's own queue: whoever comes next finds it done before.
outcomes = st.sampled_from(
    ["written", "written", "written", "answer lost", "lost", "late"]
)


def _set(value: Value | None) -> set[str]:
    """Give a list's members."""
    return set(value or ())  # type: ignore[arg-type]


class LedgerMachine(Machine):
    """An item on which many hands are laid."""

    def __init__(self) -> None:
        """Begin as an agent has left it."""
        super().__init__()
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.executescript(ledger.SCHEMA)
        self.values: dict[str, Value | None] = {
            "title": "X",
            "studio": None,
            "genres": ("x",),
        }
        self.locks: set[str] = set()
        self.truth = {name: Truth() for name in self.values}
        self.truth["genres"].members = {"x": {AGENT}}
        self.now = 1000.0
        self.revision = 0
        self.rating_key = 41
        self.late: list[tuple[list[FieldEdit], str]] = []
        self.wrote: set[str] = set()  # members, whoever brought them again since
        self.found: set[str] = set()  # members that stood there before we wanted them

    def teardown(self) -> None:
        """Let go of the database."""
        self.db.close()

    def item(self) -> Item:
        """Read the item."""
        return Item(
            str(self.rating_key),
            "lib",
            ("/a.mkv",),
            dict(self.values),
            frozenset(self.locks),
            0.0,
        )

    def genres(self) -> tuple[str, ...]:
        """Give the members that stand there."""
        value = self.values["genres"]
        return value if isinstance(value, tuple) else ()  # type: ignore[return-value]

    # -- a job ---------------------------------------------------------------------

    @rule(
        source=st.sampled_from(SOURCES),
        texts=st.fixed_dictionaries({}, optional={"title": words, "studio": words}),
        genres=st.none() | names,
        has_genres=st.booleans(),
        identified=st.sampled_from([True, True, True, False]),
        again=st.sampled_from([False, False, True]),
        outcome=outcomes,
    )
    def sync(
        self,
        source: str,
        texts: dict[str, str | None],
        genres: tuple[str, ...] | None,
        has_genres: bool,
        identified: bool,
        again: bool,
        outcome: str,
    ) -> None:
        """Bring the item into line with a record; the write may be cut short."""
        fields: dict[str, Value | None] = dict(texts)
        if has_genres:
            fields["genres"] = genres or None
        self.revision += not again
        record = Record(
            source,
            "1",
            Find(("/a.mkv",)),
            fields,
            self.revision,
            identified=identified,
            mirror=source == "stash",
        )
        item = self.item()
        known = self.rows()
        plan = make_plan(record, item, known, order=ORDER)
        self.judge(plan, record)
        done = outcome == "written" or not plan.changes
        for change in plan.adopted if done else ():
            self.judge_adopted(change, source)
        before = {name: dict(truth.cut) for name, truth in self.truth.items()}
        self.now += 1
        number = known_items.find_or_add(self.db, item, "1")
        whose = number, source, "1"
        ledger.intend(self.db, *whose, known, plan.changes, self.now)
        for change in plan.changes:
            if change.anew:
                self.begin_anew(change.field)
            self.touch(change.field, Origin(True, change.before, change.was_locked))
            self.follow_lock(change)
        if done:
            self.adopt(plan, known, number, source)
        for change in (*plan.changes, *(plan.adopted if done else ())):
            sure = outcome == "written" or change in plan.adopted
            self.claim(change, record, sure=sure)
            self.truth[change.field].cut.pop(source, None)
        if outcome != "written":
            for change in plan.changes:
                cut = self.truth[change.field].cut
                cut[source] = [*before[change.field].get(source, []), change.own]
        if outcome == "lost":
            return
        if outcome == "late":
            self.late.append((plan.edits(), source))
            return
        self.arrive()
        self.apply(plan.edits(), source)
        assert all(change.arrived(self.item()) for change in plan.changes)
        if outcome == "written":
            whole = number, source, known
            ledger.confirm(self.db, *whole, plan.changes, self.now, {})
            self.leave_to_others(plan, source)
            if any(each.field == "genres" and not each.lock for each in plan.changes):
                # Nothing stands there for whoever wants nothing any more.
                truth = self.truth["genres"]
                for gone in truth.holds.keys() - truth.wants.keys():
                    del truth.holds[gone]
                self.forget_let_go("genres")

    def adopt(self, plan: Plan, known: Ledger, number: int, source: str) -> None:
        """Own what stands there already, and give up what is wanted no more."""
        ledger.adopt(self.db, number, source, "1", known, plan.adopted, self.now)
        ledger.let_go(self.db, number, source, plan.let_go)
        for change in plan.adopted:
            truth = self.truth[change.field]
            assert not change.locked or self.may_hold(change.field)
            theirs = change.was_locked and not change.locked
            if change.anew:
                self.begin_anew(change.field)
            self.touch(change.field, Origin(True, change.before, theirs))
            if change.field in TEXTS:
                truth.author = source
            if change.locked:
                truth.holds[source] = change.own
            else:
                truth.holds.pop(source, None)
        for name in plan.let_go:
            self.truth[name].claims.pop(source, None)
            self.truth[name].wants.pop(source, None)
            self.truth[name].undone.pop(source, None)
            self.forget_let_go(name)

    def leave_to_others(self, plan: Plan, source: str) -> None:
        """Let what a source wrote, wants no more and leaves for others be theirs alone.

        A late write of its own may have brought it. Where the others want it no more,
        and take nothing away, it stays.
        """
        truth = self.truth["genres"]
        if any(change.field == "genres" for change in plan.changes):
            for name, owners in truth.members.items():
                if name not in truth.wants[source] and any(
                    name in wanted for wanted in truth.wants.values()
                ):
                    owners.discard(source)

    def forget_let_go(self, name: str) -> None:
        """Let members be whoever's brings them, where a source that let go has no lock."""
        truth = self.truth[name]
        for owners in truth.members.values():
            for source in (owners & {*SOURCES}) - truth.wants.keys():
                if name not in self.locks or source not in truth.holds:
                    owners.discard(source)

    @rule()
    def arrive(self) -> None:
        """Let Plex do what it has not come to yet, in its order."""
        late, self.late = self.late, []
        for edits, source in late:
            self.apply(edits, source)

    def touch(self, name: str, origin: Origin | None) -> None:
        """Note that we came upon a field, and what we found there."""
        truth = self.truth[name]
        if truth.origin is None:
            truth.origin = origin

    def follow_lock(self, change: Change) -> None:
        """Say anew whose lock is to be there after an undo.

        A lock that we set where a person has opened theirs is ours alone. Where a clear takes
        what others have added under our lock, it may have become theirs.
        """
        truth = self.truth[change.field]
        assert truth.origin is not None
        if not change.was_locked:
            truth.origin = replace(truth.origin, locked=False)
        elif change.field == "genres" and not _set(change.before) <= (
            _set(change.after) | _set(truth.origin.value) | self.wrote
        ):
            truth.origin = replace(truth.origin, locked=None)

    def begin_anew(self, name: str) -> None:
        """See that nothing of ours stands there; what does is what stood there before."""
        truth = self.truth[name]
        assert name not in self.locks
        if name in TEXTS:
            assert truth.author not in OURS
        else:
            assert not any(self.owns(member) for member in truth.members)
        truth.origin = None

    def owns(self, member: str) -> bool:
        """Say whether a member stands there for our sake alone."""
        truth = self.truth["genres"]
        owners = truth.members[member]
        return bool(owners) and owners <= OURS - truth.undone.keys()

    def claim(self, change: Change, record: Record, *, sure: bool) -> None:
        """Note that what stands there and is wanted is ours too from now on."""
        truth = self.truth[change.field]
        if sure:
            truth.sure[record.source] = change.own
        if sure and not change.stands:
            truth.holds[record.source] = change.own
        truth.claims[record.source] = change.own
        for known in (truth.claims, truth.holds) if change.own is None else ():
            if sure or known is truth.claims:
                known.pop(record.source, None)
        if change.field == "genres":
            if not change.stands:
                self.wrote |= _set(change.own)
            wanted = _set(record.fields["genres"])
            truth.wants[record.source] = wanted
            for member in wanted & set(self.genres()):
                if not truth.members[member] & OURS:
                    self.found.add(member)
                truth.members[member].add(record.source)
            # What stays although it is not wanted is somebody else's.
            stays = _set(self.genres()) & _set(change.after) if sure else set()
            for member in stays - wanted:
                truth.members[member].discard(record.source)
        truth.undone.pop(record.source, None)

    def apply(self, edits: list[FieldEdit], author: str) -> None:
        """Do what Plex does with an edit."""
        for edit in edits:
            truth = self.truth[edit.field]
            if edit.touch and edit.field == "genres":
                before = self.genres()
                left = [name for name in before if name not in edit.remove]
                added = [name for name in edit.members if name not in left]
                self.values["genres"] = (*left, *added) or None  # type: ignore[assignment]
                for name in set(before) - set(self.genres()):
                    truth.gone[name] = truth.members.pop(name)
                    if any(name in wanted for wanted in truth.wants.values()):
                        # It came too late: another source wants it there by now.
                        truth.declined.add(name)
                for name in set(self.genres()) - set(before):
                    truth.members[name] = self.owners(name, author)
                    wished = name in truth.wants.get(author, ())
                    if name in truth.gone and not (
                        wished or self.may_be_mine(name, author)
                    ):
                        # Gone since we read it, and not our wish: it is put back.
                        truth.members[name] = truth.gone[name]
                    truth.declined.discard(name)
            elif edit.touch:
                self.values[edit.field], truth.author = edit.value, author
            if edit.lock:
                self.lock(edit.field, author)
            elif edit.lock is not None:
                self.locks.discard(edit.field)

    def lock(self, name: str, locker: str) -> None:
        """Lock a field: who took away what is gone by then nobody can tell any more."""
        truth = self.truth[name]
        truth.locker = locker
        if name == "genres" and name not in self.locks:
            wanted = set().union(*truth.wants.values())
            truth.declined |= wanted - set(self.genres())
        self.locks.add(name)

    def owners(self, member: str, author: str) -> set[str]:
        """Say whose a new member is: whoever puts it there, and who wants it there."""
        wants = self.truth["genres"].wants
        return {author, *(source for source in wants if member in wants[source])}

    # -- what a plan may and must do -------------------------------------------------

    def judge(self, plan: Plan, record: Record) -> None:
        """Hold the plan against what is known of the authors: rules 13 and 14."""
        changed = {change.field: change for change in plan.changes}
        for name in TEXTS:
            if name in record.fields:
                must = self.may_write(name, record)
                assert must is None or (name in changed) is must, plan
                if name in changed:
                    assert changed[name].after == record.fields[name]
        assert set(changed) <= set(record.fields)
        for edit in plan.edits():
            # A lock alone is for what the record wants, and what stands there.
            assert edit.touch or record.fields[edit.field]
        if "genres" in changed:
            after = changed["genres"].after
            self.judge_list(_set(after), record)
            gone = _set(self.genres()) - _set(after)
            # And what a write that was cut short may yet bring.
            late = set(changed["genres"].remove) - gone
            assert len(late) + len(gone) == len(changed["genres"].remove)
            assert not late & _set(after)
            assert not late or self.truth["genres"].cut.get(record.source)
        elif "genres" in record.fields:
            self.judge_list(_set(self.genres()), record)

    def judge_adopted(self, change: Change, source: str) -> None:
        """See that nothing of ours that is still to arrive would change it again."""
        for edits, writer in self.late:
            for edit in edits if writer == source else ():
                if edit.field != change.field or not edit.touch:
                    continue
                if edit.field == "genres":
                    assert _set(change.own) <= set(edit.members)
                else:
                    assert edit.value == change.after

    def may_write(self, name: str, record: Record) -> bool | None:
        """Say whether a text must be written; if not, it must not. None: nobody knows."""
        wanted, truth = record.fields[name], self.truth[name]
        if self.values[name] == wanted:
            # An earlier write that meant something else may still arrive.
            cut = truth.cut.get(record.source)
            return None if any(meant != wanted for meant in cut or ()) else False
        if truth.undone.get(record.source) == name_value(record.fields[name]):
            return False
        if name in self.locks and PERSON in (truth.author, truth.locker):
            return None if self.may_hold(name) else False
        if wanted is not None:
            # An action leads a mirror for as long as it has a value.
            return record.source == LEADER or LEADER not in truth.claims
        if name == "title":
            return False
        if self.values[name] in (
            value for source, value in truth.claims.items() if source != record.source
        ):
            return None  # another source wants it as well
        if truth.author == record.source:
            return True
        if record.identified and not record.mirror:
            return True
        return None if self.may_be_ours(name) else False

    def may_hold(self, name: str) -> bool:
        """Say whether a lock looks like one that a write of ours left with its value."""
        truth = self.truth[name]
        held = [*truth.holds.values(), *itertools.chain(*truth.cut.values())]
        return any(held) if name == "genres" else self.values[name] in held

    def may_be_ours(self, name: str) -> bool:
        """Say whether somebody else's text looks like what a write of ours left."""
        truth, value = self.truth[name], self.values[name]
        return value in truth.sure.values() or any(
            value in meant for meant in truth.cut.values()
        )

    def judge_list(self, after: set[str], record: Record) -> None:
        """Hold the members that would stand there against their owners."""
        before, truth = _set(self.genres()), self.truth["genres"]
        desired = _set(record.fields["genres"])
        if truth.undone.get(record.source) == name_value(record.fields["genres"]):
            assert after == before
            return
        if "genres" in self.locks and not self.may_hold("genres"):
            assert after == before
            return
        assert after <= before | desired
        # What the record has is there, but for what a person took away under a lock.
        assert desired - after <= truth.declined
        for name in before - desired:
            wanted = any(
                name in members
                for source, members in truth.wants.items()
                if source != record.source
            )
            if record.source in truth.members[name]:
                assert (name in after) is wanted
            elif self.may_be_mine(name, record.source) or self.may_be_brought_again(
                name, record.source
            ):
                assert not wanted or name in after
            elif not desired and record.identified and not record.mirror:
                # An explicit clear takes all but what another source wants there.
                assert (name in after) is wanted
            elif any(name in _set(each) for cut in truth.cut.values() for each in cut):
                assert not wanted or name in after  # whose it is nobody knows
            else:
                assert name in after

    def may_be_mine(self, name: str, source: str) -> bool:
        """Say whether a member looks like what a write of unknown outcome left."""
        truth = self.truth["genres"]
        meant = truth.cut.get(source)
        return bool(meant) and name in set().union(
            _set(truth.sure.get(source)), *map(_set, meant)
        )

    def may_be_brought_again(self, name: str, source: str) -> bool:
        """Say whether an agent may have brought again what a source wrote and let go of.

        A lock that was opened and set again looks as if it had stood all the time.
        """
        let_go = source not in self.truth["genres"].wants
        return let_go and name in self.wrote and "genres" in self.locks

    # -- other hands -----------------------------------------------------------------

    @rule(name=st.sampled_from(TEXTS), value=st.sampled_from(["P", "Q", None]))
    def edit(self, name: str, value: str | None) -> None:
        """Let a person edit a text in Plex, which locks it."""
        if self.values[name] != value:
            self.values[name] = value
            self.truth[name].author = PERSON
        elif self.truth[name].author == AGENT:
            self.truth[name].author = PERSON
        self.lock(name, PERSON)

    @rule(name=st.sampled_from([*TEXTS, "genres"]))
    def lock_as_it_is(self, name: str) -> None:
        """Let a person lock what stands there; also a lock of ours is theirs then."""
        if name not in self.locks:
            self.lock(name, PERSON)

    @rule(
        source=st.sampled_from(SOURCES),
        name=st.sampled_from(TEXTS),
        there=st.sampled_from(["X", "Y"]),
        wanted=words,
    )
    def lock_what_agrees(
        self, source: str, name: str, there: str, wanted: str | None
    ) -> None:
        """Let a person lock what a source wants too; then that wants something else."""
        self.unlock(name)
        self.refresh(text=there, title=there)
        self.sync_one(source, name, there)
        self.lock_as_it_is(name)
        self.sync_one(source, name, wanted)

    @rule(name=st.sampled_from(["p", "q"]))
    def add(self, name: str) -> None:
        """Let a person add a member."""
        if name not in self.genres():
            self.values["genres"] = (*self.genres(), name)
            self.truth["genres"].members[name] = {PERSON}
        self.lock("genres", PERSON)

    @precondition(lambda self: self.genres())
    @rule(which=st.integers(0, 7))
    def remove(self, which: int) -> None:
        """Let a person remove a member."""
        genres = self.genres()
        name = genres[which % len(genres)]
        self.values["genres"] = tuple(n for n in genres if n != name) or None
        truth = self.truth["genres"]
        truth.gone[name] = truth.members.pop(name)
        truth.declined.add(name)
        self.lock("genres", PERSON)

    @rule(name=st.sampled_from([*TEXTS, "genres"]))
    def unlock(self, name: str) -> None:
        """Let a person open a lock."""
        self.locks.discard(name)
        self.forget_let_go(name)

    @rule(text=st.sampled_from(["X", "Y", "A", None]), title=st.sampled_from("XY"))
    def refresh(self, text: str | None, title: str) -> None:
        """Let an agent fill what is not locked."""
        for name, value in (("studio", text), ("title", title)):
            if name not in self.locks and self.values[name] != value:
                self.values[name], self.truth[name].author = value, AGENT
        truth = self.truth["genres"]
        if "genres" not in self.locks:
            before = truth.members
            self.values["genres"] = ("x", "a") if title == "X" else ("x",)
            truth.members = {name: self.owners(name, AGENT) for name in self.genres()}
            # A late write of ours may bring back what the agent has just dropped.
            truth.gone |= {n: before[n] for n in before.keys() - truth.members.keys()}

    @rule(source=st.sampled_from(SOURCES))
    def remove_source(self, source: str) -> None:
        """Remove a source; another one comes in its place, and owns nothing yet."""
        ledger_sources.remove(self.db, source)
        self.revision += 1
        self.late = [
            (edits, GONE if writer == source else writer) for edits, writer in self.late
        ]
        for truth in self.truth.values():
            truth.author = GONE if truth.author == source else truth.author
            for owners in (*truth.members.values(), *truth.gone.values()):
                if source in owners:
                    owners.discard(source)
                    owners.add(GONE)
            if meant := truth.cut.pop(source, []):
                truth.cut.setdefault(GONE, []).extend(meant)
            if source in truth.sure:
                truth.sure[f"{GONE} {self.revision}"] = truth.sure.pop(source)
            truth.wants.pop(source, None)
            truth.claims.pop(source, None)
            truth.undone.pop(source, None)
            if source in truth.holds:
                truth.holds[f"{GONE} {self.revision}"] = truth.holds.pop(source)

    @rule()
    def move(self) -> None:
        """Let Plex give the file another rating key."""
        self.rating_key += 1

    @rule(
        name=st.sampled_from(TEXTS),
        first=st.sampled_from(SOURCES),
        then=st.sampled_from(SOURCES),
        text=st.sampled_from(["X", "Y"]),
        wanted=words,
    )
    def take_over(
        self, name: str, first: str, then: str, text: str, wanted: str | None
    ) -> None:
        """Let an agent have what we wrote and a person unlocked; then we want it again."""
        self.sync_one(first, name, "C")
        self.unlock(name)
        self.refresh(text=text, title=text)
        self.sync_one(then, name, wanted)

    @rule(
        source=st.sampled_from(SOURCES),
        name=st.sampled_from([*TEXTS, "genres"]),
        before=st.lists(
            st.tuples(words, st.sampled_from(["late", "late", "lost"])),
            min_size=1,
            max_size=2,
        ),
        wanted=words,
        outcome=outcomes,
    )
    def write_behind(
        self,
        source: str,
        name: str,
        before: list[tuple[str | None, str]],
        wanted: str | None,
        outcome: str,
    ) -> None:
        """Change one's mind while what was written hangs in Plex, or was lost."""
        for word, fate in before:
            self.sync_one(source, name, word, fate)
        self.sync_one(source, name, wanted, outcome)

    @rule(
        source=st.sampled_from(SOURCES),
        name=st.sampled_from(TEXTS),
        wanted=st.sampled_from("ABC"),
    )
    def want_what_a_person_emptied(self, source: str, name: str, wanted: str) -> None:
        """Let a person want nothing there, which the lock alone tells."""
        self.edit(name, None)
        self.sync_one(source, name, wanted)

    @rule(
        source=st.sampled_from(SOURCES),
        name=st.sampled_from([*TEXTS, "genres"]),
        word=st.sampled_from("ABC"),
    )
    def lose_what_it_was(self, source: str, name: str, word: str) -> None:
        """Let a source begin anew with what it had identified before.

        What it wrote goes, and what an agent brings then stays.
        """
        self.sync_one(source, name, word)
        self.sync_one(source, name, None, identified=False)
        self.unlock(name)
        self.refresh(text="X", title="X")
        self.sync_one(source, name, None, identified=False)

    def sync_one(
        self,
        source: str,
        name: str,
        word: str | None,
        outcome: str = "written",
        *,
        identified: bool = True,
    ) -> None:
        """Bring one field into line."""
        self.sync(
            source=source,
            texts={name: word} if name in TEXTS else {},
            genres=(word.lower(),) if word else None,
            has_genres=name == "genres",
            identified=identified,
            again=False,
            outcome=outcome,
        )

    # -- undo ------------------------------------------------------------------------

    @rule()
    def undo(self) -> None:
        """Undo, and see that only what is ours goes, to what stood there before us."""
        self.arrive()
        item = self.item()
        before, members = dict(self.values), dict(self.truth["genres"].members)
        authors = {name: self.truth[name].author for name in TEXTS}
        alike = {name for name in TEXTS if self.may_be_ours(name)}
        doubtful = {
            name
            for name in members
            if any(self.may_be_mine(name, each) for each in OURS)
        }
        known = self.rows()
        restores, _ = make_undo(item, known)
        edits = [restore.edit for restore in restores if restore.edit is not None]
        self.apply(edits, AGENT)
        for name in TEXTS:
            origin, truth = self.truth[name].origin, self.truth[name]
            ours = name in {edit.field for edit in edits}
            if not ours:
                assert self.values[name] == before[name]
                continue
            assert origin is not None
            assert origin.known
            # None and A are everybody's words; all others tell their author, unless an
            # agent says by chance what we wrote last.
            everybodys = before[name] in (None, "A") or name in alike
            assert authors[name] in OURS or everybodys
            assert self.values[name] == origin.value
            (edit,) = (edit for edit in edits if edit.field == name)
            assert edit.lock is None or (name in self.locks) is origin.locked
            truth.author = PERSON if origin.locked else AGENT
        for edit in edits:  # what it says of the whole list is what comes of it
            if edit.field == "genres" and edit.touch:
                assert _set(edit.members) == _set(self.values["genres"])
        origin = self.truth["genres"].origin
        if "genres" in {edit.field for edit in edits}:
            assert origin is not None
            assert origin.known
            old = _set(origin.value)
            assert old <= set(self.genres())
            for name, owners in members.items():
                # What we only found there, and let go of since, may be anybody's.
                wanted = owners & (self.truth["genres"].wants.keys() | {GONE})
                if wanted or (owners & OURS and name in self.wrote):
                    stays = old | self.found | doubtful
                    assert name not in self.genres() or name in stays
                if not owners & OURS and name not in self.wrote:
                    assert name in self.genres()
            (edit,) = (edit for edit in edits if edit.field == "genres")
            if edit.lock is not None and origin.locked is not None:
                assert ("genres" in self.locks) is origin.locked
        undone = [(each.field, source) for each in restores for source in each.sources]
        number = known_items.find_or_add(self.db, item)
        for name, whose in undone:
            (row,) = (each for each in known[name] if each.source == whose)
            value = name_value(row.wants)
            ledger.note_undone(self.db, number, whose, name, f"{value} -")
            truth = self.truth[name]
            source = whose if whose in SOURCES else GONE
            truth.undone[source] = value
            if truth.author == source:
                truth.author = AGENT  # it stands there for nobody's sake any more
            truth.origin = None
            truth.holds.clear()
            truth.claims.clear()
            truth.wants.pop(source, None)
            truth.cut.pop(source, None)
            truth.sure.pop(source, None)
            for owners in truth.members.values():
                owners.discard(source)
        self.now += 1

    @invariant()
    def undo_is_there(self) -> None:
        """Have everything undoable that we wrote over something known."""
        for name in TEXTS:
            truth = self.truth[name]
            if (
                truth.author in OURS
                and (origin := truth.origin) is not None
                and origin.known
                and origin.value != self.values[name]
            ):
                restores, kept = make_undo(self.item(), self.rows())
                assert name in {restore.field for restore in restores}, kept

    def rows(self) -> Any:
        """Read the ledger."""
        return ledger.rows(self.db, known_items.find(self.db, self.item()))

    # -- always ----------------------------------------------------------------------

    @invariant()
    def no_lock_on_nothing(self) -> None:
        """Leave no lock of ours where nothing of ours stands."""
        for name, truth in self.truth.items():
            if name in self.locks and truth.locker in OURS:
                assert self.values[name] is not None

    @invariant()
    def one_item(self) -> None:
        """Know one item, whatever its rating key is."""
        assert self.db.execute("SELECT count(*) FROM item").fetchone()[0] <= 1


@pytest.mark.timeout(LIMIT)
@pytest.mark.filterwarnings("ignore:It looks like `register_random`")
def test_ledger_machine() -> None:
    """Let it run."""
    run(LedgerMachine, 400, 30)
