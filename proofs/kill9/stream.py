"""Records that name their own revision in every value, and what was promised of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
import re
from typing import Any

from custom_components.plexsync.engine.record import Find, Record, Value

from .figures import Claim

type Revisions = Mapping[str, Mapping[str, int]]  # by record key, of each field

SOURCE = "proof"

# Our field → what an edit and the simulator call it.
TEXTS = {
    "title": "title",
    "sort_title": "titleSort",
    "original_title": "originalTitle",
    "summary": "summary",
    "tagline": "tagline",
    "studio": "studio",
}
LISTS = {"genres": "genre", "labels": "label"}
FIELDS = (*TEXTS, *LISTS)
_CLEARED = ("tagline", "labels")  # now and then
_RECENT = 2000  # answers that may be in the log
_REVISION = re.compile(r"\brev(\d+)\b", re.IGNORECASE)
_FROM_PARAMETER = {f"{plex}.value": name for name, plex in TEXTS.items()}
WHOLE = 10  # every record of such a revision names all fields


def record(
    seed: int,
    key: str,
    path: str,
    revision: int,
    fields: tuple[str, ...] = FIELDS,
) -> Record:
    """Make a record: the same arguments give the same one, whoever asks."""
    random = Random(f"{seed}/{key}/{revision}")
    number = len(fields) if revision % WHOLE == 0 else random.randint(1, len(fields))
    names = random.sample(fields, number)
    return Record(
        SOURCE,
        key,
        Find((path,)),
        {name: _value(random, name, revision) for name in names},
        revision=revision,
    )


def _value(random: Random, name: str, revision: int) -> Value | None:
    if name in _CLEARED and random.random() < 0.15:
        return None
    mark = f"{name} rev{revision}"
    if name in LISTS:
        return tuple(f"{mark} {part}" for part in "abc"[: random.randint(1, 3)])
    return mark


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
        self.answers: list[tuple[str, int]] = []  # in the order of their commits
        self.unanswered = 0

    @property
    def answered(self) -> int:
        """How many records were answered."""
        return len(self.answers)

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
        self.answers.append((key, revision))
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

    def gap(self, waiting: Revisions, settled: Revisions) -> str | None:
        """Give a promise that is not on disk although a later one is."""
        later = False
        for key, revision in reversed(self.answers[-_RECENT:]):
            on_disk = (waiting.get(key, {}), settled.get(key, {}))
            for name in self.record(key, revision).fields:
                found = [fields.get(name, 0) for fields in on_disk]
                if later and max(found) < revision:
                    return f"{key} {name} {revision}"
                later |= revision in found
        return None

    def lost_in_plex(
        self,
        items: Mapping[str, Mapping[str, Any]],
        spare: Collection[str],
        by_hand: Collection[tuple[str, str]] = (),
    ) -> Iterator[str]:
        """Give what shows neither the promised value nor a newer one, whole.

        ``items`` are by path; ``spare`` names the keys that are left out, ``by_hand``
        the fields, each with its key, that a person has taken.
        """
        for key, known in self.keys.items():
            if key in spare:
                continue
            item = items[known.path]
            for name, revision in known.promised.items():
                if (key, name) not in by_hand and not any(
                    newer >= revision and _shows(item, name, fields[name])
                    for newer in known.submitted
                    if name in (fields := self.record(key, newer).fields)
                ):
                    yield f"{key} {name} {revision}, {_shown(item, name)} stands"


def _shows(item: Mapping[str, Any], name: str, value: Value | None) -> bool:
    if name in LISTS:
        wanted = value if isinstance(value, tuple) else ()
        return bool(_shown(item, name) == {str(tag).casefold() for tag in wanted})
    return bool(_shown(item, name) == value)


def _shown(item: Mapping[str, Any], name: str) -> Any:
    if name in LISTS:
        return {tag.casefold() for tag in _tags(item, name) if _REVISION.search(tag)}
    return item["values"].get(TEXTS[name])


def _tags(item: Mapping[str, Any], name: str) -> list[str]:
    tags: list[str] = item["tags"].get(LISTS[name], [])
    return tags


def revisions_of_item(item: Mapping[str, Any]) -> dict[str, int]:
    """Give the newest revision that each field of an item shows."""
    texts = [(name, str(item["values"].get(plex))) for name, plex in TEXTS.items()]
    tags = [(name, tag) for name in LISTS for tag in _tags(item, name)]
    return _newest(texts + tags)


def revisions_of_edit(query: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Give the revision of each field that an edit writes."""
    return _newest(_written(query))


def _written(query: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for parameter, value in query:
        if name := _FROM_PARAMETER.get(parameter):
            yield name, value
            continue
        for name, plex in LISTS.items():
            # ``genre[].tag.tag-`` names what has to go.
            if parameter.startswith(f"{plex}[") and parameter.endswith(".tag.tag"):
                yield name, value


def revisions_of_values(values: Mapping[str, Any]) -> dict[str, int]:
    """Give the revision that each of a record's values names."""
    return _newest((name, str(value)) for name, value in values.items())


def _newest(texts: Iterable[tuple[str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, text in texts:
        if match := _REVISION.search(text):
            found[name] = max(found.get(name, 0), int(match[1]))
    return found


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
