"""Random lives of a few films, and what has to hold in each of them.

Sources, people, agents and Plex itself all have a hand in. What is no doing of ours
happens to the twin as well: once all of ours was undone, the two have to be the same.
"""

import asyncio
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random
from sqlite3 import Connection
import tempfile
from typing import Any

from custom_components.plexsync.engine.jobs.job import Priority
from custom_components.plexsync.engine.model.faults import Fault
from custom_components.plexsync.engine.model.outcome import Outcome
from custom_components.plexsync.engine.model.record import (
    Actor,
    Find,
    Image,
    Record,
    Value,
)
from custom_components.plexsync.engine.plan.plan import Plan
from tests.simulators.plex.state import Item
from tests.simulators.plex.switches import TagMode
from tests.virtual import VirtualLoop

from .twin import FILMS, MIRRORS, BrokenError, Life, path_of

__all__ = ["BrokenError", "live"]

STEPS = 12
SINGLES = ("title", "summary", "studio", "tagline", "sort_title", "date", "user_rating")
LISTS = {
    "genres": "genre",
    "labels": "label",
    "collections": "collection",
    "actors": "actor",
}
FIELDS = (*SINGLES, *LISTS, "poster")
PERSONS = ("title", "summary", "studio", "tagline")  # what people set
PLEX = {"sort_title": "titleSort", "date": "originallyAvailableAt"}


@dataclass(slots=True)
class Hand:
    """What people did to the item of one file, as long as it is that item."""

    values: dict[str, str] = field(default_factory=dict)  # field → what they set
    added: dict[str, set[str]] = field(default_factory=dict)  # list → members

    @property
    def fields(self) -> set[str]:
        """Name the fields that they had a hand in."""
        return {*self.values, *self.added}


class Program:
    """One random life."""

    def __init__(self, life: Life, seed: int) -> None:
        """Take where it happens."""
        self.life = life
        self.random = Random(seed)
        self.lines: list[str] = []
        self.words = count(1)
        self.hands: dict[str, Hand] = {}
        self.was_restored = self.was_led = False
        self.unseen: set[str] = set()  # files that were merged, which nobody looked at
        self.own_story: set[str] = (
            set()
        )  # files that had a record when they were merged
        self.unknown: set[str] = (
            set()
        )  # and then split: whose they were nobody can tell
        self.upset: set[str] = set()  # files whose item was merged or split

    async def run(self) -> None:
        """Let it happen, and look at every promise."""
        steps = (
            [self.say] * 6
            + [self.join]
            + [self.set_by_person, self.add_by_person, self.refresh] * 2
            + [self.rekey, self.recreate, self.merge, self.split, self.move]
            + [self.lose_picture, self.undo, self.restart, self.sweep]
            + [self.back_up, self.restore]
        )
        for _ in range(STEPS):
            await self.random.choice(steps)()
            await self.life.drained()
        await self.settle()
        self.check_people()
        if self.was_restored:
            return  # what was written since the backup passes for a person's, or stood before
        self.check_dropped()
        self.check_locks()
        await self.undo_everything()

    def note(self, *words: object) -> None:
        """Tell whoever reads about a broken promise what happened."""
        self.lines.append(" ".join(map(str, words)))

    def broken(self, *words: object) -> BrokenError:
        """Make the error of a broken promise."""
        return BrokenError("\n".join([*self.lines, " ".join(map(str, words))]))

    # -- sources -------------------------------------------------------------------

    async def say(self) -> None:
        """Let a source say something new of a film; the preview tells what is written."""
        source = self.random.choice([*MIRRORS, MIRRORS[0], "action"])
        number = self.random.randrange(FILMS)
        record = self._record(source, number)
        self.note(source, "says of", number, dict(record.fields))
        engine = self.life.engine
        preview = await engine.on_demand.preview(record)
        planned = {
            key: sorted(str(each.as_dict()) for each in plan.changes)
            for key, plan in preview.plans.items()
            if isinstance(plan, Plan)
            and not any(each.is_picture for each in plan.changes)
        }
        waiting = asyncio.ensure_future(
            engine.outcomes.wait_for(source, record.key, 600)
        )
        await asyncio.sleep(0)
        known = self.life.records.get((source, record.key))
        said = dict(known.fields) if known and not record.mirror else {}
        self.life.records[source, record.key] = replace(
            record, fields=said | dict(record.fields)
        )
        await engine.submit([record], Priority.INTERACTIVE)
        self._compare(planned, preview.unseen, await waiting)
        self._looked_at(path_of(number))

    async def join(self) -> None:
        """Let a source make one record of two: it has the files of both."""
        source = self.random.choice(MIRRORS)
        one, two = self.random.sample(range(FILMS), 2)
        records = self.life.records
        if not {(source, str(one)), (source, str(two))} <= records.keys():
            return
        self.note(source, "joins", one, "and", two)
        first, second = records[source, str(one)], records.pop((source, str(two)))
        paths = dict.fromkeys((*first.find.paths, *second.find.paths))
        record = replace(first, find=Find((*paths,)), revision=next(self.words))
        records[source, record.key] = record
        await self.life.engine.submit([record], Priority.INTERACTIVE)
        self.upset |= {*paths}

    def _record(self, source: str, number: int) -> Record:
        chosen = self.random.sample(FIELDS, self.random.randint(1, 5))
        fields: dict[str, Value | None] = {
            name: self._value(source, name) for name in chosen
        }
        if source in MIRRORS:
            fields = dict.fromkeys(FIELDS) | fields
            fields["title"] = self._value(source, "title")
        key = str(number)
        return Record(
            source,
            key,
            Find((path_of(number),)),
            fields,
            revision=next(self.words) if source in MIRRORS else None,
            mirror=source in MIRRORS,
        )

    def _value(self, source: str, name: str) -> Value | None:
        word = f"{source} {next(self.words)}"
        if name in ("title", "sort_title") or self.random.random() < 0.8:
            return self._filled(name, word)
        return None

    def _filled(self, name: str, word: str) -> Value:
        match name:
            case "date":
                return (
                    f"20{self.random.randint(10, 30)}-03-0{self.random.randint(1, 9)}"
                )
            case "user_rating":
                return float(self.random.randint(1, 9))
            case "poster":
                return Image(word.replace(" ", "-"))
            case "actors":
                return (Actor(word, self.random.choice([None, "", "Role"])),)
            case _ if name in LISTS:
                return (word, f"{word} too")[: self.random.randint(1, 2)]
            case _:
                return word

    def _compare(
        self,
        planned: dict[str, list[str]],
        unseen: tuple[str, ...],
        outcome: Outcome,
    ) -> None:
        self.note(outcome.status, outcome.reason or "")
        if outcome.status in ("failed", "queued"):
            raise self.broken("the job", outcome.status, outcome.reason)
        written = {
            item.rating_key: sorted(
                str(change.as_dict())
                for change in item.changes
                if change.field not in unseen
            )
            for item in outcome.items
        }
        for key, changes in planned.items():
            if written.get(key, []) != changes:
                raise self.broken("preview", changes, "but written", written)

    # -- people and agents ------------------------------------------------------------

    async def set_by_person(self) -> None:
        """Let a person edit a value, which locks it."""
        path, name = self._path(), self.random.choice(PERSONS)
        word = f"person {next(self.words)}"
        self.note("a person sets", name, "of", path, word)
        for core in (self.life.plex, self.life.twin):
            item = self.life.items(core)[path]
            core.edit_by_person(item.rating_key, **{name: word})
        self._hand(path).values[name] = word

    async def add_by_person(self) -> None:
        """Let a person add a member to a list, which locks it."""
        path, name = self._path(), self.random.choice(list(LISTS))
        word = f"person {next(self.words)}"
        self.note("a person adds to", name, "of", path, word)
        for core in (self.life.plex, self.life.twin):
            item = self.life.items(core)[path]
            there: list[Any] = [
                (each.tag.name, each.text) if name == "actors" else each.tag.name
                for each in item.tags.get(LISTS[name], ())
            ]
            there.append((word, "A part") if name == "actors" else word)
            core.edit_by_person(item.rating_key, **{name: there})
        self._hand(path).added.setdefault(name, set()).add(word)

    async def refresh(self) -> None:
        """Let the agent refresh an item."""
        path = self._path()
        self.note("the agent refreshes", path)
        for core in (self.life.plex, self.life.twin):
            core.agent_refresh(self.life.items(core)[path].rating_key)

    # -- what Plex does -----------------------------------------------------------------

    async def rekey(self) -> None:
        """Give an item a new rating key."""
        path = self._path()
        self.note("rekey", path)
        for core in (self.life.plex, self.life.twin):
            core.rekey(self.life.items(core)[path])

    async def recreate(self) -> None:
        """Make an item anew."""
        path = self._path()
        self.note("recreate", path)
        for core in (self.life.plex, self.life.twin):
            core.recreate(self.life.items(core)[path])
        self._forget(path)

    async def move(self) -> None:
        """Take an item to the other library; its files stay where they are."""
        path = self._path()
        self.note("move", path)
        for core in (self.life.plex, self.life.twin):
            item = self.life.items(core)[path]
            others = [s for s in core.sections.values() if s is not item.section]
            core.move(item, others[0])
        self._forget(path)

    async def merge(self) -> None:
        """Make one item of two."""
        one, two = self._path(), self._path()
        items = self.life.items(self.life.plex)
        if items[one] is items[two] or items[one].section is not items[two].section:
            return
        self.note("merge", two, "into", one)
        gone = items[two].files
        for core in (self.life.plex, self.life.twin):
            there = self.life.items(core)
            core.merge(there[one], there[two])
        files = {*self.life.items(self.life.plex)[one].files}
        self.upset |= files
        self.unknown |= files if files & self.unknown else set()
        self.unseen |= files
        self.own_story |= {
            path for each in self.life.records.values() for path in each.find.paths
        } & files
        for path in gone:
            self.hands.pop(path, None)

    async def split(self) -> None:
        """Make an item of each version."""
        path = self._path()
        files = self.life.items(self.life.plex)[path].files
        if len(files) < 2:
            return
        self.note("split", path)
        # A film that we knew before it was merged has its own values of then again.
        self.unknown |= (self.unseen | self.own_story) & {*files}
        hand = self._hand(path)  # each part keeps what stood there
        for core in (self.life.plex, self.life.twin):
            core.split(self.life.items(core)[path])
        for each in files:
            self.hands[each] = deepcopy(hand)

    async def lose_picture(self) -> None:
        """Let Plex choose a picture of its own again; that is what stands there then."""
        path = self._path()
        self.note("no picture", path)
        for core in (self.life.plex, self.life.twin):
            item = self.life.items(core)[path]
            if "thumb" not in item.locks:
                core.reset_picture(item)

    # -- what is asked of us ----------------------------------------------------------

    async def undo(self) -> None:
        """Take back what we wrote to one item."""
        path = self._path()
        self.note("undo", path)
        try:
            self.note(await self.life.engine.undoing.undo(Find((path,))))
        except Fault as fault:
            if fault.reason != "not_found":
                raise

    async def restart(self) -> None:
        """Stop and start."""
        self.note("restart")
        await self.life.close()
        await self.life.open()

    async def back_up(self) -> None:
        """Copy the database as Home Assistant does."""
        self.note("back up")
        await self.life.back_up()

    async def restore(self) -> None:
        """Bring the copy back, if there is one, and answer the repair."""
        if not self.life.backup.exists():
            return
        lead = self.random.random() < 0.5
        self.note("restore", "the sources lead" if lead else "adopt what agrees")
        self.was_restored = True
        await self.life.close()
        self.life.bring_back()
        await self.life.open()
        if not self.life.engine.ledger_identity.lost:
            raise self.broken("nobody saw that the ledger is an older one")
        await self.life.engine.ledger_identity.accept(lead=lead)
        self.was_led = self.was_led or lead

    async def sweep(self) -> None:
        """Compare everything, and mend what differs."""
        for record in self.life.records.values():
            if record.mirror:
                self._looked_at(record.find.paths[0])
        self.note(
            "sweep",
            await self.life.engine.sweep.run(self.life.pages(), everything=True),
        )

    # -- promises -------------------------------------------------------------------

    async def settle(self) -> None:
        """Hold: a second sweep writes nothing, and one that has seen nothing counts the same."""
        await self.sweep()
        await self.life.drained()
        before = self.life.watch.writes
        await self.sweep()
        await self.life.drained()
        if self.life.watch.writes != before:
            raise self.broken("the last sweep wrote")
        warm = await self.life.count()
        await self.life.engine.database.run(_forget_what_was_seen)
        if warm != (cold := await self.life.count()):
            raise self.broken("what a sweep remembers", warm, "is not so", cold)

    def check_people(self) -> None:
        """Hold: what a person set or added is still there."""
        items = self.life.items(self.life.plex)
        for path, hand in self.hands.items():
            item = items[path]
            # Where the sources were let lead, they do so once over what is locked.
            for name, value in hand.values.items() if not self.was_led else ():
                if item.value(PLEX.get(name, name)) != value:
                    raise self.broken(path, name, "is no longer", value)
            for name, members in hand.added.items():
                if lacking := members - {*item.tag_names(LISTS[name])}:
                    raise self.broken(path, name, "lacks", lacking)

    def check_dropped(self) -> None:
        """Hold: what no source says any more is gone, where nobody else had a hand in."""
        for path, item in self.life.items(self.life.plex).items():
            if path in self.upset:
                continue
            wanted = self._wanted(path)
            for name, kind in LISTS.items():
                if name in self._hand(path).fields:
                    continue
                ours = {n for n in item.tag_names(kind) if _is_ours(n)}
                if left := ours - wanted:
                    raise self.broken(path, name, "still has", left)
            for name in PERSONS:
                value = item.value(name)
                if name not in self._hand(path).fields and name != "title":
                    if _is_ours(value) and value not in wanted:
                        raise self.broken(path, name, "is still", value)

    def check_locks(self) -> None:
        """Hold: where nothing of ours stands, and no person locked it, is no lock."""
        for path, item in self.life.items(self.life.plex).items():
            hand = self._hand(path)
            for name, kind in LISTS.items():
                if kind in item.locks and name not in hand.fields:
                    if not any(map(_is_ours, item.tag_names(kind))):
                        raise self.broken(path, name, "is locked for nothing")
            for name in PERSONS:
                if name in item.locks and name not in hand.fields:
                    if not _is_ours(item.value(name)):
                        raise self.broken(path, name, "is locked for nothing")

    def _wanted(self, path: str) -> set[object]:
        """Give the words of all records of a file."""
        found: set[object] = set()
        for record in self.life.records.values():
            if path in record.find.paths:
                for value in record.fields.values():
                    members = value if isinstance(value, tuple) else (value,)
                    found |= {m.name if isinstance(m, Actor) else m for m in members}
        return found

    async def undo_everything(self) -> None:
        """Hold: without all of ours the two are the same, and the next sweep leaves it so."""
        self.note("undo since", await self.life.engine.undo_runs.undo_since(0))
        await self.life.drained()
        mine, theirs = map(self.life.items, (self.life.plex, self.life.twin))
        for path, item in theirs.items():
            if path in self.unknown:
                continue
            ours, should = _state(mine[path]), _state(item)
            if ours != should:
                raise self.broken(
                    path,
                    {
                        name: (ours[name], should[name])
                        for name in ours
                        if ours[name] != should[name]
                    },
                )
        before = self.life.watch.writes
        await self.sweep()
        await self.life.drained()
        if self.life.watch.writes != before:
            raise self.broken("a sweep wrote after all was undone")

    def _path(self) -> str:
        return path_of(self.random.randrange(FILMS))

    def _looked_at(self, path: str) -> None:
        self.unseen -= {*self.life.items(self.life.plex)[path].files}

    def _hand(self, path: str) -> Hand:
        """Give what people did to the item of a file."""
        item = self.life.items(self.life.plex)[path]
        return self.hands.setdefault(item.files[0], Hand())

    def _forget(self, path: str) -> None:
        for each in self.life.items(self.life.plex)[path].files:
            self.hands.pop(each, None)


def _forget_what_was_seen(db: Connection) -> None:
    db.execute("DELETE FROM seen")


def _is_ours(word: object) -> bool:
    return isinstance(word, str) and word.startswith((*MIRRORS, "action"))


def _state(item: Item) -> dict[str, Any]:
    """Give all that we may write of an item, as it stands there."""
    return {
        **{name: item.value(PLEX.get(name, name)) for name in SINGLES[:-1]},
        "user_rating": item.value("userRating"),
        "year": item.value("year"),
        **{name: {*item.tag_names(kind)} for name, kind in LISTS.items()},
        "roles": {(t.tag.name, t.text, t.thumb) for t in item.tags.get("actor", ())},
        "poster": item.image_key("thumb"),
        "locks": {*item.locks},
    }


def live(seed: int, mode: TagMode) -> None:
    """Let one program happen. Raises BrokenError."""
    memory = Path("/dev/shm")  # noqa: S108  # each run has a folder of its own there

    async def main(folder: Path) -> None:
        life = Life(mode, folder)
        await life.open()
        program = Program(life, seed)
        try:
            await program.run()
        except BrokenError:
            raise
        except Exception as error:
            raise program.broken(repr(error)) from error
        finally:
            await life.close()

    with (
        tempfile.TemporaryDirectory(
            prefix="plexsync-programs-", dir=memory if memory.is_dir() else None
        ) as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(main(Path(folder)))
