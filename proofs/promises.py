"""What was promised of the records of a proof, and whether it was kept."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from custom_components.plexsync.engine.model.record import Record

from .records import FIELDS, WHOLE, record, shown, shows

type Revisions = Mapping[str, Mapping[str, int]]  # by record key, of each field


@dataclass(slots=True)
class Claim:
    """Something that must never be seen: how often it was looked for, and what was found."""

    looked: int = 0
    found: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say how many of how many."""
        return f"{len(self.found)} of {self.looked}"


@dataclass(slots=True)
class Known:
    """What is known of one key: which revisions were handed over, and what was promised."""

    path: str
    submitted: set[int] = field(default_factory=set)
    promised: dict[str, int] = field(default_factory=dict)  # field: newest revision

    @property
    def next(self) -> int:
        """The next revision."""
        return max(self.submitted, default=0) + 1

    @property
    def next_whole(self) -> int:
        """The next revision that names all fields."""
        return (self.next + WHOLE - 1) // WHOLE * WHOLE


class Promises:
    """Everything that was handed over and answered, and whether it was kept."""

    def __init__(
        self, seed: int, paths: Mapping[str, str], fields: tuple[str, ...] = FIELDS
    ) -> None:
        """Take the file of each key, and which fields its records may have."""
        self._seed = seed
        self._fields = fields
        self.keys = {key: Known(path) for key, path in paths.items()}
        self.answered = 0
        self.unanswered = 0

    def record(self, key: str, revision: int) -> Record:
        """Give a record, the same one whenever it is asked for."""
        return record(self._seed, key, self.keys[key].path, revision, self._fields)

    def submit(self, key: str, revision: int) -> None:
        """Note a record that is about to be handed over."""
        self.keys[key].submitted.add(revision)
        self.unanswered += 1

    def answer(self, key: str, revision: int) -> None:
        """Note that it was answered: from now on it is promised."""
        promised = self.keys[key].promised
        for name in self.record(key, revision).fields:
            promised[name] = max(revision, promised.get(name, 0))
        self.answered += 1
        self.unanswered -= 1

    def newest(self) -> Iterator[Record]:
        """Give records that say all that was promised, each field at its revision."""
        for key, known in self.keys.items():
            for revision in sorted(set(known.promised.values())):
                whole = self.record(key, revision)
                fields = {
                    name: value
                    for name, value in whole.fields.items()
                    if known.promised[name] == revision
                }
                yield replace(whole, fields=fields)

    def lost_on_disk(self, waiting: Revisions, settled: Revisions) -> Iterator[str]:
        """Give the promises that neither a job nor what was settled holds."""
        for key, known in self.keys.items():
            on_disk = (waiting.get(key, {}), settled.get(key, {}))
            for name, revision in known.promised.items():
                if max(fields.get(name, 0) for fields in on_disk) < revision:
                    yield f"{key} {name} {revision}"

    def lost_in_plex(
        self,
        items: Mapping[str, Mapping[str, Any]],
        spare: Collection[str],
    ) -> Iterator[str]:
        """Give what shows neither the promised value nor a newer one, whole.

        ``items`` are by path; ``spare`` names the keys that are left out.
        """
        for key, known in self.keys.items():
            if key in spare:
                continue
            item = items[known.path]
            for name, revision in known.promised.items():
                if not any(
                    newer >= revision and shows(item, name, fields[name])
                    for newer in known.submitted
                    if name in (fields := self.record(key, newer).fields)
                ):
                    yield f"{key} {name} {revision}, {shown(item, name)} stands"


class Order:
    """Watches that no field goes back to an older revision."""

    def __init__(self, claim: Claim) -> None:
        """Begin with nothing seen; changes are counted in ``claim``."""
        self._claim = claim
        self._newest: dict[tuple[str, str], int] = {}

    def see(self, item: str, revisions: Mapping[str, int]) -> None:
        """Take in what an item's fields were given, or show."""
        for name, revision in revisions.items():
            newest = self._newest.get((item, name), 0)
            self._claim.looked += revision != newest
            if revision < newest:
                self._claim.found.append(f"{item} {name}: {revision} after {newest}")
            self._newest[item, name] = max(newest, revision)
