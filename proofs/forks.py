"""Processes made by fork from one that has everything imported.

Importing the integration imports Home Assistant, which takes a second; hundreds
of lives cannot each pay for that. The parent imports once and stays without
thread and event loop, so that its copies begin like a fresh interpreter.
"""

import asyncio
from collections.abc import Callable, Coroutine
import gc
import os
import select
import signal
import threading
import time
import traceback
from typing import Any

type Say = Callable[[str], None]
type Work = Callable[[Say], Coroutine[Any, Any, None]]


class Life:
    """One process, and the lines that it says."""

    def __init__(self, pid: int, pipe: int) -> None:
        """Take the process and the reading end of its pipe."""
        self.pid = pid
        self._pipe = pipe
        self._rest = b""
        self.ended = False

    def lines(self, until: float) -> list[str]:
        """Give what it said; wait for the next line until then (monotonic) at most."""
        wait = max(0.0, until - time.monotonic())
        if self.ended or not select.select([self._pipe], [], [], wait)[0]:
            return []
        data = os.read(self._pipe, 1 << 16)
        if not data:
            self.ended = True
            return []
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in whole]

    def kill(self) -> None:
        """Kill -9; it may be dead already."""
        os.kill(self.pid, signal.SIGKILL)  # not yet waited for, so the id is its own

    def bury(self) -> tuple[list[str], int]:
        """Wait for its end; give its last lines and its exit code (negative: the signal)."""
        last: list[str] = []
        while not self.ended:
            last += self.lines(time.monotonic() + 60)
        os.close(self._pipe)
        _, status = os.waitpid(self.pid, 0)
        return last, os.waitstatus_to_exitcode(status)


def begin(work: Work) -> Life:
    """Run a coroutine in a process of its own.

    What it says reaches the pipe at once and whole, so it outlives the process.
    """
    assert threading.active_count() == 1, "a thread would not live on in a fork"
    gc.freeze()  # the copies shall share what is there, not touch it
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        return Life(pid, reading)
    code = 1
    try:
        os.close(reading)

        def say(line: str) -> None:
            os.write(writing, f"{line}\n".encode())

        try:
            asyncio.run(work(say))
            code = 0
        except BaseException:  # noqa: BLE001  # nothing of this process may go on in the parent's code
            say("error " + traceback.format_exc().replace("\n", " | ")[:3000])
    finally:
        os._exit(code)
