"""The tellings, each compared with the undisturbed one."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
import multiprocessing
import os
from pathlib import Path
import tempfile
from typing import Any

from proofs.edge import COUNTED, Trouble, Way
from tests.virtual import VirtualLoop

from .story import tell


@dataclass(slots=True)
class Telling:
    """What one telling showed."""

    way: Way
    at: int
    struck: str | None = None  # what failed
    seen: Counter[str] = field(default_factory=Counter)
    errors: int = 0  # StorageErrors that hosts met
    end: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def compare(self, undisturbed: dict[str, Any]) -> None:
        """Note where the end is another one."""
        for name, expected in undisturbed.items():
            if self.end and self.end[name] != expected:
                self.wrong.append(
                    f"in the end {name}: {_difference(self.end[name], expected)}"
                )
        self.end = {}

    def __str__(self) -> str:
        """Say what went wrong."""
        return f"{self.way}, {self.at} ({self.struck}): {'; '.join(self.wrong)}"[:600]


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, list) and isinstance(expected, list):
        return (
            f"{[each for each in found if each not in expected]},"
            f" not {[each for each in expected if each not in found]}"
        )
    return f"{found}, not {expected}"


def run(way: Way, at: int) -> Telling:
    """Tell the story once; 0: nothing fails."""
    trouble = Trouble(way, at)
    telling = Telling(way, at, seen=trouble.seen)
    strays: list[str] = []
    with tempfile.TemporaryDirectory(prefix="plexsync-nth-") as folder:
        try:
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                runner.get_loop().set_exception_handler(
                    lambda loop, context: strays.append(str(context))
                )
                world, telling.end = runner.run(tell(Path(folder), trouble))
        except Exception as error:  # noqa: BLE001  # it is what is looked for
            telling.wrong.append(f"{type(error).__name__}: {error}")
        else:
            telling.wrong += world.wrong
            telling.errors = world.storage_errors
    telling.wrong += strays
    telling.struck = trouble.struck
    return telling


def sweep(
    undisturbed: Telling, stride: int = 1, ways: Iterable[Way] = Way
) -> Iterator[Telling]:
    """Let each fail once, or every ``stride``-th, and one more that never comes."""
    cases = [
        (way, at)
        for way in ways
        for at in (
            *range(1, undisturbed.seen[COUNTED[way]] + 1, stride),
            undisturbed.seen[COUNTED[way]] + 1,
        )
    ]
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(os.process_cpu_count(), mp_context=fork) as pool:
        for telling in pool.map(run, *zip(*cases, strict=True), chunksize=8):
            telling.compare(undisturbed.end)
            yield telling
