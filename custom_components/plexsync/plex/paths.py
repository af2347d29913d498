r"""The normal form of paths, and the mapping between two views of the same file.

A source, Plex and Home Assistant may each see a file under another path:
``/mnt/user/media/a.mp4``, ``/data/a.mp4``, ``\\nas\media\a.mp4``. Prefixes are
compared by whole components, so ``/data`` never matches ``/database``.
"""

from collections.abc import Iterable
import re
import unicodedata

type Pair = tuple[str, str]  # the source's prefix, Plex's prefix
type Parts = tuple[str, ...]

_SLASHES = re.compile("/{2,}")
_WINDOWS = re.compile("[A-Za-z]:(?:/|$)|//")


def normal(path: str) -> str:
    """Return the normal form: NFC, single forward slashes, no trailing slash.

    Two leading slashes are kept: they mark a network share.
    """
    path = unicodedata.normalize("NFC", path).replace("\\", "/")
    share = path.startswith("//")
    path = _SLASHES.sub("/", path)
    return ("/" if share else "") + (path.rstrip("/") or path[:1])


def is_windows(path: str) -> bool:
    """Return whether a normal path is one of Windows, where case does not matter."""
    return _WINDOWS.match(path) is not None


def key(path: str) -> str:
    """Return the key under which all spellings of a path compare equal."""
    path = normal(path)
    return _fold(path) if is_windows(path) else path


def name(path: str) -> str:
    """Return the last component."""
    return normal(path).rpartition("/")[2]


def has_one_spelling(letter: str) -> bool:
    """Return whether Unicode has only one way to write a character."""
    return unicodedata.normalize("NFD", letter) == letter and not unicodedata.combining(
        letter
    )


def lies_in(path: str, folder: str) -> bool:
    """Return whether a path is a folder or is somewhere inside it."""
    inside, outside = _parts(key(path)), _parts(key(folder))
    return inside[: len(outside)] == outside


def folder_in(root: str, path: str) -> str | None:
    """Return the folder of a file inside a root, spelled like the root.

    None if the file is elsewhere. The folder may be the root itself.
    """
    if not lies_in(path, root):
        return None
    inside = _parts(normal(path))[len(_parts(normal(root))) : -1]
    separator = "\\" if "\\" in root else "/"
    return separator.join((root.rstrip("/\\"), *inside)) if inside else root


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _parts(path: str) -> Parts:
    return tuple(path.rstrip("/").split("/"))


class PathMapper:
    """Translate paths by pairs of prefixes; the longest match wins, then the first."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        """Take pairs of (the source's prefix, Plex's prefix)."""
        rules = [(normal(source), normal(plex)) for source, plex in pairs]
        self._to_plex = [_Rule(source, plex) for source, plex in rules]
        self._to_plex.sort(key=lambda rule: -len(rule.parts))
        self._from_plex = [_Rule(plex, source) for source, plex in rules]

    def to_plex(self, path: str) -> str:
        """Return a source's path as Plex sees it; unchanged if no pair matches."""
        path = normal(path)
        for rule in self._to_plex:
            if (found := rule.apply(path)) is not None:
                return found
        return path

    def from_plex(self, path: str) -> tuple[str, ...]:
        """Return all paths of a source that Plex sees as this path.

        There are several where Plex shows several of the source's folders as one.
        """
        path = normal(path)
        those = (*(rule.apply(path) for rule in self._from_plex), path)
        return tuple(
            dict.fromkeys(
                each
                for each in those
                if each is not None and key(self.to_plex(each)) == key(path)
            )
        )


class _Rule:
    """A prefix and its replacement."""

    def __init__(self, prefix: str, target: str) -> None:
        self.parts = _parts(key(prefix))
        self.target = target.rstrip("/")
        self._folds = is_windows(prefix)

    def apply(self, path: str) -> str | None:
        seen = _parts(_fold(path) if self._folds else path)
        if seen[: len(self.parts)] != self.parts:
            return None
        rest = _parts(path)[len(self.parts) :]
        return "/".join((self.target, *rest)) or "/"


def suggest(sources: Iterable[str], plex: Iterable[str]) -> tuple[Pair, ...]:
    """Suggest pairs by the longest common tails; the pair that explains most is first.

    Both sides are samples of paths, of folders or of files. Nothing is suggested for
    paths that are the same on both sides.
    """
    by_name: dict[str, list[Parts]] = {}
    for path in plex:
        by_name.setdefault(_fold(name(path)), []).append(_parts(normal(path)))
    explains: dict[Pair, set[Parts]] = {}
    for path in sources:
        parts = _parts(normal(path))
        for pair in _nearest(parts, by_name.get(_fold(parts[-1]), ())):
            explains.setdefault(pair, set()).add(parts)
    chosen: list[Pair] = []
    explained: set[Parts] = set()
    for pair in sorted(explains, key=lambda pair: -len(explains[pair])):
        if explains[pair] <= explained:
            continue
        explained |= explains[pair]
        if key(pair[0]) != key(pair[1]):
            chosen.append(pair)
    return tuple(chosen)


def _nearest(source: Parts, candidates: Iterable[Parts]) -> set[Pair]:
    """Return the pairs from the candidates with the longest common tail."""
    shared = {each: _common_tail(source, each) for each in candidates}
    best = max(shared.values(), default=0)
    pairs: set[Pair] = set()
    for candidate, count in shared.items():
        if count == best:
            # At least one component stays on each side, as a prefix must not be empty.
            cut = min(best, _depth(source) - 1, _depth(candidate) - 1)
            pairs.add((_head(source, cut), _head(candidate, cut)))
    return pairs


def _common_tail(one: Parts, other: Parts) -> int:
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if not left or _fold(left) != _fold(right):
            break
        count += 1
    return count


def _depth(parts: Parts) -> int:
    return sum(1 for part in parts if part)


def _head(parts: Parts, cut: int) -> str:
    return "/".join(parts[: len(parts) - cut])
