"""Where the recordings lie, and the steps that are in them."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

VERSIONS = ("0.30.1", "0.27.2")

_ROOT = Path(__file__).parents[2]


def _folder() -> Path | None:
    """Find the recordings beside the repository, or beside a folder it stands in."""
    for place in _ROOT.parents:
        if (folder := place / "shared/data/stash").is_dir():
            return folder
    return None


FOLDER = _folder()
# Why tests are skipped, or an empty text if they can run.
MISSING = "" if FOLDER else "the recorded lives (shared/data/stash) are not here"


def recorded(name: str) -> str:
    """Return the text of a recorded file."""
    if FOLDER is None:
        raise FileNotFoundError(MISSING)
    return (FOLDER / name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a life: something asked, or something done to files or the server."""

    number: str
    what: str
    pause: bool
    until: bool
    look: str  # The step that a look looks behind, if it does.
    needs: str
    do: dict[str, Any]
    request: dict[str, Any]
    answer: dict[str, Any]

    @property
    def operation(self) -> str:
        """The name of the GraphQL operation, if it is one."""
        return str(self.request.get("operation", ""))


_DEEDS = ("do", "path", "to", "video")


def _step(given: dict[str, Any], answer: dict[str, Any]) -> Step:
    """Make a step of a line."""
    return Step(
        given["step"],
        given["what"],
        given.get("pause", False),
        given.get("until", False),
        given.get("look", ""),
        given.get("needs", ""),
        {name: given[name] for name in _DEEDS if name in given},
        given.get("request", {}),
        answer,
    )


def steps(version: str) -> Iterator[Step]:
    """Give the steps of a life; answers that are told as "like another" are written out."""
    bodies: dict[str, Any] = {}
    for line in recorded(f"{version}.jsonl").splitlines():
        given = json.loads(line)
        answer = given.get("response", {})
        if "like" in answer:
            body = deepcopy(bodies[answer["like"]])
            for kind, listing in body["data"].items():
                listing[kind] = _changed(listing[kind], kind, answer["rows"])
            answer = {
                name: value
                for name, value in answer.items()
                if name not in ("like", "rows")
            } | {"body": body}
        bodies[given["step"]] = answer.get("body")
        yield _step(given, answer)


def _changed(old: list[Any], kind: str, news: dict[str, Any]) -> list[Any]:
    """Apply what is told of a list: rows that differ or are new, and rows that are gone."""
    rows = {row["id"]: row for row in old}
    rows |= {row["id"]: row for row in news.get(kind, ())}
    gone = news.get("gone", ())
    return [row for key, row in rows.items() if key not in gone]
