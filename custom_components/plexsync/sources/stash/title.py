"""Titles from a template, for scenes without a title."""

from collections.abc import Mapping, Sequence
import re
from typing import Any

# The names that a template may have in braces.
NAMES = ("studio", "date", "performers", "code", "file")
MAX_TITLE = 255
_PLACE = re.compile(r"\{([a-z]{1,20})\}")


def is_template(text: str) -> bool:
    """Return whether a text is a valid template: it has known names, and no others.

    An empty template is valid: it gives no title.
    """
    names = names_in(text)
    rest = _PLACE.sub("", text)
    known = bool(names) and set(names) <= set(NAMES)
    return not text or (known and "{" not in rest and "}" not in rest)


def names_in(template: str) -> list[str]:
    """Return the names in a template."""
    return _PLACE.findall(template)


def fill(template: str, scene: Mapping[str, Any], performers: Sequence[str]) -> str:
    """Return the title of a scene; empty if a value in the template is unknown."""
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
    """Return the name of the primary file, without folder and extension."""
    for file in (scene.get("files") or ())[:1]:
        path = str(file.get("path") or "")
        if not path.startswith("/"):
            path = path.replace("\\", "/")  # for a Stash on Windows
        name = path.rpartition("/")[2]
        return name.rpartition(".")[0] or name
    return ""
