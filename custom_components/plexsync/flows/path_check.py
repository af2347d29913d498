"""Check whether a source's files are found in Plex, and suggest path mappings."""

import asyncio
from collections.abc import Collection, Iterable, Sequence

from ..engine.database.database import StorageError
from ..engine.model.faults import Fault
from ..engine.model.record import Find
from ..plex.paths import Pair, PathMapper, key, name, suggest
from ..plex.server import PlexMediaServer

_SAMPLES = 50  # files to look for
_KNOWN = 100_000  # files of Plex to compare names with
_PATIENCE = 60.0  # seconds; the first time, Plex's libraries have to be listed


class PathCheck:
    """Try path mappings on a sample of a source's files. Raises nothing."""

    def __init__(
        self,
        server: PlexMediaServer | None,
        chosen: Collection[str],
        roots: Sequence[str],
        files: Sequence[str],
    ) -> None:
        """Take the server, if one can be asked, and the uuids of its chosen libraries.

        ``roots`` and ``files`` are paths as the source sees them.
        """
        self._server = server
        self._chosen = chosen
        self._roots = roots
        self._samples = _spread(files, _SAMPLES)

    @property
    def total(self) -> int:
        """The size of the sample."""
        return len(self._samples)

    async def suggest(self) -> tuple[Pair, ...]:
        """Suggest mappings by files of the same name, or else by the names of the roots."""
        if self._server is None:
            return ()
        try:
            async with asyncio.timeout(_PATIENCE):
                places = [
                    place
                    for library in await self._server.libraries()
                    if library.uuid in self._chosen
                    for place in library.locations
                ]
                files = await self._plex_files(self._server, places)
        except Fault, StorageError, TimeoutError:
            return ()
        return await asyncio.to_thread(
            _suggest, self._samples, files, self._roots, places
        )

    async def count(self, pairs: Iterable[Pair]) -> int | None:
        """Count the sample files that are found in Plex; None if that is unknown."""
        if not self._samples:
            return 0
        if self._server is None:
            return None
        mapper = PathMapper(pairs)
        finds = [Find(paths=(mapper.to_plex(path),)) for path in self._samples]
        try:
            async with asyncio.timeout(_PATIENCE):
                matches = await self._server.match(finds)
        except Fault, StorageError, TimeoutError:
            return None
        if any(match.rating_key is match.reason is None for match in matches):
            return None
        return sum(bool(match.rating_key or match.candidates) for match in matches)

    async def _plex_files(
        self, server: PlexMediaServer, places: Iterable[str]
    ) -> tuple[str, ...]:
        if not self._samples:
            return ()
        # Matching one file in each place makes the server list what it does not know yet.
        guess = name(self._samples[0])
        await server.match([Find(paths=(f"{place}/{guess}",)) for place in places])
        return await server.sample_paths(_KNOWN)


def _suggest(
    samples: Sequence[str],
    files: Iterable[str],
    roots: Sequence[str],
    places: Sequence[str],
) -> tuple[Pair, ...]:
    names = {key(name(path)) for path in samples}
    if namesakes := [file for file in files if key(name(file)) in names]:
        return suggest(samples, namesakes)
    return suggest(roots, places)


def _spread(items: Sequence[str], limit: int) -> list[str]:
    """Return at most ``limit`` items, evenly spread."""
    step = max(1, len(items) / limit)
    return [items[int(at * step)] for at in range(min(limit, len(items)))]
