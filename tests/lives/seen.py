"""What one operation changed, as two looks at a Stash show it."""

from typing import Any

type Rows = dict[str, dict[str, Any]]


def rows(look: Any, dealt: dict[str, str]) -> Rows:
    """Return the rows of a look, by the marks of their ids."""
    found: Rows = {}
    for name, listing in ((look or {}).get("data") or {}).items():
        kind = {"galleries": "gallery", "scene_markers": "marker"}.get(name, name[:-1])
        for row in listing[name]:
            found[dealt.get(f"{kind} {row['id']}", row["id"])] = row
    return found


def moved(before: Rows, after: Rows) -> frozenset[str]:
    """Return whose ``updated_at`` is another one."""
    return frozenset(
        key
        for key in before.keys() & after.keys()
        if before[key]["updated_at"] != after[key]["updated_at"]
    )


def other_records(before: Rows, after: Rows) -> frozenset[str]:
    """Return the scenes whose record is another one, whatever their time says."""
    return frozenset(
        key
        for key in before.keys() & after.keys()
        if key.startswith("{scene:")
        and {**before[key], "updated_at": ""} != {**after[key], "updated_at": ""}
    )
