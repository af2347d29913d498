"""JSON as the database keeps it, written and read as fast as may be.

What orjson does not take, half a surrogate pair for example, the standard library does.
"""

import json
from typing import Any

import orjson


def dump(data: Any) -> str:
    """Write JSON in as few letters as there can be."""
    try:
        return orjson.dumps(data).decode()
    except TypeError:
        return json.dumps(data, separators=(",", ":"))


def load(text: str) -> Any:
    """Read JSON with integers of 64 bits, as SQLite has them: larger ones become floats."""
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)


def canonical(data: Any) -> bytes:
    """Write JSON in the one form of which digests are kept: sorted, all of it ASCII."""
    try:
        text = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = b""
    # Of ASCII the two differ in one letter, which the standard library escapes.
    if text and text.isascii() and b"\x7f" not in text:
        return text
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
