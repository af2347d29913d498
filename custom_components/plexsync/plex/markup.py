"""Parse Plex's XML in slices.

The C parser holds the interpreter lock while it is fed, and Python takes the lock from a
thread only after 5 ms. Slices and tiny pauses let the event loop run in between.
"""

from collections.abc import Callable, Mapping
import re
import time
from typing import Any
from xml.etree import ElementTree as ET

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason

_SLICE = 32 * 1024  # bytes; about half a millisecond
_PAUSE = 0.00005  # seconds
LARGEST = 2**63 - 1  # the largest number in SQLite, which both Plex and we use
_DIGITS = 20  # more digits are not parsed
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")

Element = ET.Element


def parse(data: bytes) -> Element:
    """Parse a document as a tree; raises Fault."""
    root: Element = feed(data, ET.TreeBuilder)
    return root


def feed(data: bytes, target: Callable[[], Any]) -> Any:
    """Feed a document to a parser target and return its result; raises Fault.

    A document with characters that XML does not allow, which Plex copies from the tags
    in files, is cleaned and parsed again, with a new target.
    """
    try:
        return _feed(data, target())
    except ET.ParseError:
        pass
    try:
        return _feed(_clean(data), target())
    except ET.ParseError:
        pass
    raise Fault(FaultClass.SERVER, Reason.UNPARSABLE)


def _feed(data: bytes, target: Any) -> Any:
    # Documents that declare entities are refused before: see classify.classify.
    parser = ET.XMLParser(target=target)  # noqa: S314
    for start in range(0, len(data), _SLICE):
        if start:
            time.sleep(_PAUSE)
        parser.feed(data[start : start + _SLICE])
    return parser.close()


def _clean(data: bytes) -> bytes:
    data = data.decode("utf-8", "replace").encode()
    return _REFERENCE.sub(_allowed, _CONTROL.sub(b"", data))


def _allowed(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] else int(match[2])
    good = code in {9, 10, 13} or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
    return match[0] if good or 0x10000 <= code < 0x110000 else b""


def number(text: str | None) -> int | None:
    """Parse a non-negative integer from an attribute: a date, a count, a key.

    None if it is missing, empty, negative or too large for a database.
    """
    if not text or not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
        return None
    found = int(text)
    return found if found <= LARGEST else None


def total(attributes: Mapping[str, str]) -> int | None:
    """Parse the total number of rows; None if the server did not page.

    Raises Fault for an invalid total, because the end of a listing is never guessed.
    """
    if (text := attributes.get("totalSize")) is None:
        return None
    if (found := number(text)) is None:
        raise Fault(FaultClass.SERVER, Reason.UNPARSABLE)
    return found
