"""New files: the server is asked to look for those that it does not have yet.

Only where the source of a record wants that, and only through the folder of its file.
Whatever is asked here is a favour: nothing waits for it, and nothing fails with it.
What the server finds wakes the job like everything that comes.
"""

import asyncio
from collections.abc import Iterable, Sequence
import contextlib
from functools import partial
import math

from .calls.admission import Admission
from .calls.bulkheads import group_of
from .calls.judge import About, Purpose
from .circuit.breaker import State
from .circuit.circuit import Circuit
from .database.database import StorageError
from .look.common import Common
from .model.faults import Fault
from .model.ports import Folder, WantsScan
from .model.record import Record
from .util.concurrency import wait_at_most

AGAIN = 600.0  # seconds until a folder is looked through again
MOST = 60  # folders in that time; a disk that is missing has them by the thousand
_WAITING = 1000  # files, or folders; those of more are missed again
_FORGOTTEN = 7200.0  # seconds; a job that lacks its item is back before


class Scans:
    """Take files that were missed, and have their folders looked through."""

    def __init__(
        self,
        common: Common,
        circuit: Circuit,
        admission: Admission,
        wants: WantsScan,
    ) -> None:
        """Take the shared parts; ``wants`` says whether a source wants scans."""
        self._common = common
        self._circuit = circuit
        self._admission = admission
        self._wants = wants
        self._files: dict[str, None] = {}
        self._waiting: dict[Folder, None] = {}  # for their turn
        self._asked: dict[Folder, float] = {}  # monotonic seconds
        self._missed_at = -math.inf
        self._to_do = asyncio.Event()

    def doubt(self, libraries: Iterable[str]) -> None:
        """Note that scans of these libraries may have failed before the start.

        The jobs that missed their files then come again, and so do their scans.
        """
        kinds = (About(Purpose.SCAN, library=each).bulkhead for each in libraries)
        self._common.bulkheads.in_doubt.update(kinds)
        self._missed_at = self._common.clock.monotonic()
        self._to_do.set()

    def missed(self, records: Sequence[Record]) -> None:
        """Note records whose item is not there yet."""
        for record in records:
            if len(self._files) < _WAITING and self._wants(record.source):
                self._files |= dict.fromkeys(record.find.paths)
        if self._files:
            self._missed_at = self._common.clock.monotonic()
            self._to_do.set()

    async def run(self) -> None:
        """Ask for what was missed, until cancelled."""
        while True:
            await wait_at_most(self._to_do, self._patience())
            self._to_do.clear()
            with contextlib.suppress(StorageError):  # the worker tells of that
                await self._take_in()
            while self._waiting and len(self._lately()) < MOST:
                folder = next(iter(self._waiting))
                del self._waiting[folder]
                await self._ask(folder)
            if self._common.clock.monotonic() - self._missed_at >= _FORGOTTEN:
                for kind in self._unsettled():
                    self._common.bulkheads.worked(kind)  # nobody wants it any more

    def _patience(self) -> float | None:
        """Return the seconds until there is something to do; None: not by itself."""
        now, waits = self._common.clock.monotonic(), list[float]()
        if self._waiting:
            waits.append(min(self._asked.values(), default=now - AGAIN) + AGAIN)
        if self._unsettled():
            waits.append(self._missed_at + _FORGOTTEN)
        return max(0.0, min(waits) - now) if waits else None

    def _unsettled(self) -> set[str]:
        """Name the kinds of call that failed, or did before the start, until one works."""
        bulkheads = self._common.bulkheads
        doubted = {each for each in bulkheads.in_doubt if group_of(each) == "scans"}
        return bulkheads.troubled("scans") | doubted

    async def _take_in(self) -> None:
        """Let the folders of missed files wait for their turn; not those just asked for."""
        files, self._files = tuple(self._files), {}
        folders = await self._common.server.folders(files)
        lately = self._lately()
        for folder in folders:
            if folder not in lately and len(self._waiting) < _WAITING:
                self._waiting[folder] = None

    def _lately(self) -> dict[Folder, float]:
        """Return the folders that were asked for so lately that it would be too early."""
        now = self._common.clock.monotonic()
        self._asked = {each: at for each, at in self._asked.items() if now - at < AGAIN}
        return self._asked

    async def _ask(self, folder: Folder) -> None:
        """Ask for one folder, unless nobody may ask now.

        It is not kept for later: the job that misses the file comes again.
        """
        # A half open circuit is for trials of jobs.
        if self._circuit.holds or self._circuit.breaker.state is not State.CLOSED:
            return
        about = About(Purpose.SCAN, library=folder.library)
        now = self._common.clock.monotonic()
        if not self._common.bulkheads.admit(about.bulkhead, now):
            return
        with contextlib.suppress(Fault):  # judged by now
            async with self._admission.calls(frozenset()) as calls:
                self._asked[folder] = now
                await calls.make(partial(self._common.server.scan, folder), about)
