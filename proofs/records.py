"""Records that name their own revision in every value, and what is seen of them later."""

from collections.abc import Iterable, Iterator, Mapping
from random import Random
import re
from typing import Any

from custom_components.plexsync.engine.model.record import Find, Record, Value

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


def shows(item: Mapping[str, Any], name: str, value: Value | None) -> bool:
    """Say whether a field of an item shows a value of ours, whole."""
    if name in LISTS:
        wanted = value if isinstance(value, tuple) else ()
        return bool(shown(item, name) == {str(tag).casefold() for tag in wanted})
    return bool(shown(item, name) == value)


def shown(item: Mapping[str, Any], name: str) -> Any:
    """Give what a field of an item shows; of a list what is ours."""
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
