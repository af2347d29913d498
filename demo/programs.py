"""Programs that run on their own, and are found again by whoever comes later."""

from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
import fcntl
import os
from pathlib import Path
import signal
import subprocess
import time


@dataclass(slots=True)
class Program:
    """One program. It holds a lock on its file for as long as it lives.

    The file names its process. A process number alone could by now be somebody
    else's; the lock cannot.
    """

    name: str
    command: Sequence[str]
    folder: Path  # for the lock and what the program says
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def output(self) -> Path:
        """What the program said since it was started last."""
        return self.folder / f"{self.name}.log"

    @property
    def _lock(self) -> Path:
        return self.folder / f"{self.name}.pid"

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        try:
            with self._lock.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            with contextlib.suppress(ValueError):
                return int(self._lock.read_text())
        return None

    def start(self) -> None:
        """Start it, in a session of its own: Ctrl-C in this terminal is not its business."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock, self.output.open("wb") as output:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._child = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
            lock.write(str(self._child.pid))

    def stop(self, patience: float = 30.0) -> bool:
        """End it, by force where it does not end in time; say whether it was running."""
        was_running = self._send(signal.SIGTERM)
        if was_running and not self._wait(patience):
            self.kill()
        self._reap()
        return was_running

    def kill(self) -> None:
        """End it at once; it gets no chance to save anything."""
        self._send(signal.SIGKILL)
        self._wait(10)
        self._reap()

    def _send(self, number: signal.Signals) -> bool:
        if (pid := self.pid) is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return True

    def _wait(self, patience: float) -> bool:
        end = time.monotonic() + patience
        while self.pid is not None:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def _reap(self) -> None:
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(5)
