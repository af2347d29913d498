"""Questions that are put together: each is answered, or fails by itself."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from custom_components.plexsync.sources.gather import Gather


class Oracle:
    """Answers when it is let, and fails as often as it is told."""

    def __init__(self, failures: int) -> None:
        """Hold the first answer back."""
        self.asked: list[list[str]] = []
        self.failures = failures
        self.may_answer = asyncio.Event()

    async def __call__(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Answer all but what nobody knows."""
        self.asked.append(list(keys))
        await self.may_answer.wait()
        if self.failures:
            self.failures -= 1
            raise OSError
        return {key: key.upper() for key in keys if key != "unknown"}


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_each_has_its_answer(failures: int) -> None:
    """Also where several ask for one key, before and while a question fails."""
    oracle = Oracle(failures)
    gather = Gather(oracle)
    keys = ["a", "b", "b", "unknown", "a", "c"]
    waiting = [asyncio.create_task(gather.get(key)) for key in keys]
    while not oracle.asked:
        await asyncio.sleep(0)
    keys += ["a", "b"]
    waiting += [asyncio.create_task(gather.get(key)) for key in keys[-2:]]
    await asyncio.sleep(0)
    oracle.may_answer.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    failed = [each for each in found if isinstance(each, Exception)]
    assert [type(each) for each in failed] == [OSError] * failures
    for key, answer in zip(keys, found, strict=True):
        if not isinstance(answer, Exception):
            assert answer == (None if key == "unknown" else key.upper())
    assert len(oracle.asked) <= 3 + failures
