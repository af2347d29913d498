"""A title for scenes that have none, made of a template."""

from collections.abc import Mapping, Sequence
import re
from typing import Any

# What a template may name, in braces.
NAMES = ("studio", "date", "performers", "code", "file")
MAX_TITLE = 255
_PLACE = re.compile(r"\{([a-z]{1,20})\}")


def is_template(text: str) -> bool:
    """Return whether a text is a template: it names something known, and nothing else.

    An empty one is: it makes no title.
    """
    names = names_in(text)
    rest = _PLACE.sub("", text)
    known = bool(names) and set(names) <= set(NAMES)
    return not text or (known and "{" not in rest and "}" not in rest)


def names_in(template: str) -> list[str]:
    """List what a template names."""
    return _PLACE.findall(template)


def fill(template: str, scene: Mapping[str, Any], performers: Sequence[str]) -> str:
    """Make the title of a scene; empty where something that it names is unknown."""
    studio = scene.get("studio") or {}
    values = {
        "studio": studio.get("name"),
        "date": scene.get("date"),
        "performers": ", ".join(performers),
        "code": scene.get("code"),
        "file": _stem(scene),
    }
    found = {name: (values[name] or "").strip() for name in names_in(template)}
    if not all(found.values()):
        return ""
    return _PLACE.sub(lambda place: found[place[1]], template)[:MAX_TITLE]


def _stem(scene: Mapping[str, Any]) -> str:
    """Name the primary file without its folder and its ending."""
    for file in (scene.get("files") or ())[:1]:
        path = str(file.get("path") or "")
        if not path.startswith("/"):
            path = path.replace("\\", "/")  # a Stash on Windows
        name = path.rpartition("/")[2]
        return name.rpartition(".")[0] or name
    return ""
