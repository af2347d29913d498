"""The marks that stand in a recording for what each server deals out itself.

``{scene:3}`` is an id, ``{at:041}`` an instant of step 041, ``{hash:2}`` some bytes:
the first answer that has a mark tells what it stands for, and later ones must repeat it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
import re
from typing import Any, NamedTuple

_MARK = re.compile(r"\{([a-z][a-z0-9]*)(?::([^{}]+))?\}")
_FIXED = ("media", "base")
_MISSING = "(nothing)"


class Difference(NamedTuple):
    """Where an answer is another one than the recorded."""

    step: str
    where: str
    recorded: Any
    came: Any


class Tokens:
    """What the marks stand for so far."""

    def __init__(self, media: str, base: str) -> None:
        """Know the library's root and the server's address."""
        self.known = {"{media}": media, "{base}": base}
        # Step → its Unix second, and the text of an instant of it.
        self.starts: dict[str, int] = {}
        self._texts: dict[str, str] = {}

    def names(self) -> dict[str, str]:
        """Return what was dealt → the marks; the newest mark of an id counts."""
        return {
            f"{mark[1:].split(':')[0]} {value}": mark
            for mark, value in self.known.items()
        }

    def fill(self, value: Any) -> Any:
        """Put what marks stand for into a request."""
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return _MARK.sub(self._real, value) if isinstance(value, str) else value

    def _real(self, mark: re.Match[str]) -> str:
        """Return what one mark stands for."""
        if mark[1] not in ("at", "at19"):
            return self.known[mark[0]]
        step, _, shift = mark[2].partition(":")
        text = self._texts[step]
        if shift:
            moment = datetime.fromisoformat(text) + timedelta(seconds=int(shift))
            text = moment.isoformat()
        return text[:19] if mark[1] == "at19" else text

    def compare(
        self, recorded: Any, came: Any, where: str = ""
    ) -> Iterator[tuple[str, Any, Any]]:
        """Give the places where an answer differs, and learn new marks."""
        if isinstance(recorded, dict) and isinstance(came, dict):
            for key in recorded | came:
                place = f"{where}.{key}" if where else key
                pair = recorded.get(key, _MISSING), came.get(key, _MISSING)
                yield from self.compare(*pair, place)
        elif isinstance(recorded, list) and isinstance(came, list):
            if len(recorded) != len(came):
                yield where, recorded, came
                return
            for at, pair in enumerate(zip(recorded, came, strict=True)):
                yield from self.compare(*pair, f"{where}[{at}]")
        elif isinstance(recorded, str) and isinstance(came, str):
            if not self._same(recorded, came):
                yield where, recorded, came
        elif (type(recorded), recorded) != (type(came), came) and not (
            _number(recorded) and _number(came) and recorded == came
        ):
            yield where, recorded, came

    def _same(self, recorded: str, came: str) -> bool:
        """Tell whether a text is the recorded one, with what its marks stand for."""
        pattern, at = "", 0
        marks = list(_MARK.finditer(recorded))
        for mark in marks:
            known = re.escape(self.known[mark[0]]) if mark[1] in _FIXED else ".+?"
            pattern += f"{re.escape(recorded[at : mark.start()])}({known})"
            at = mark.end()
        fit = re.fullmatch(pattern + re.escape(recorded[at:]), came, re.DOTALL)
        return fit is not None and all(
            self._fits(mark, real)
            for mark, real in zip(marks, fit.groups(), strict=True)
        )

    def _fits(self, mark: re.Match[str], real: str) -> bool:
        """Tell whether a mark may stand for a text."""
        kind = mark[1]
        if kind == "any" or kind in _FIXED:
            return True
        if kind in ("at", "unix"):
            return self._is_instant(kind, mark[2], real)
        if mark[0] in self.known:
            return self.known[mark[0]] == real
        # The same text under another mark would be another thing with the same id.
        alike = kind, (mark[2] or "").rstrip("0123456789")
        for other, value in self.known.items():
            found = _MARK.fullmatch(other)
            if found is None or value != real:
                continue
            if (found[1], (found[2] or "").rstrip("0123456789")) == alike:
                return False
        self.known[mark[0]] = real
        return True

    def _is_instant(self, kind: str, step: str, real: str) -> bool:
        """Tell whether a text is an instant of a step."""
        try:
            moment = (
                int(real)
                if kind == "unix"
                else int(datetime.fromisoformat(real).timestamp())
            )
        except ValueError:
            return False
        if kind == "at":
            self._texts.setdefault(step, real)
        return moment == self.starts[step]


def _number(value: Any) -> bool:
    """Tell whether something is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
