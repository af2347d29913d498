"""One bug at work: put into the code of a process of its own, and tests that run there."""

import ast
from collections.abc import Iterable, Iterator
import contextlib
from dataclasses import dataclass
import gc
import importlib
import multiprocessing
from multiprocessing.connection import Connection, wait
import os
from pathlib import Path
import resource
import signal
import time
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from .patterns import StaleError

ROOT = Path(__file__).parents[2]
PACKAGE = "custom_components/plexsync"
AT_ONCE = 2
_LONGEST = 120  # seconds of the processor that one bug may take
_MEMORY = 4 << 30  # bytes
# What a bug that is badly put does: the tests have then seen no bug, but nonsense.
_NONSENSE = ("NameError", "UnboundLocalError", "AttributeError: '", "ImportError")


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is tried: the source of a module with a bug in it, and who has to see it."""

    file: str  # below the package
    name: str
    tree: ast.Module | None  # None: the source as it is
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it; ``by`` names the test that caught it, or says why none did."""

    mutant: Mutant
    caught: bool
    by: str
    seconds: float


def source(file: str) -> ast.Module:
    """Read the source of a file of the integration."""
    return ast.parse((ROOT / PACKAGE / file).read_text())


def _module(path: str) -> ModuleType:
    return importlib.import_module(path.removesuffix(".py").replace("/", "."))


def _codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield (each.co_qualname, each.co_firstlineno), each
            yield from _codes(each)


def put_in(module: ModuleType, tree: ast.Module) -> None:
    """Give the functions of a module the code of another source of it, and its constants.

    Raises StaleError where nothing of it changes.
    """
    file = str(module.__file__)
    ast.fix_missing_locations(tree)
    codes = dict(_codes(compile(tree, file, "exec")))
    changed = 0
    for function in gc.get_objects():
        if type(function) is FunctionType and function.__code__.co_filename == file:
            code = function.__code__
            new = codes.get((code.co_qualname, code.co_firstlineno), code)
            if new != code:
                function.__code__ = new
                changed += 1
    before = {ast.dump(each) for each in ast.parse(Path(file).read_text()).body}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.dump(statement) not in before:
            exec(compile(ast.Module([statement], []), file, "exec"), module.__dict__)  # noqa: S102  # our own source
            changed += 1
    if not changed:
        raise StaleError("changes nothing that runs")


class _Reporter:
    """Notes the first test that fails."""

    failed: tuple[str, str] | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Hear of a test."""
        if report.failed and self.failed is None:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed = (
                report.nodeid,
                crash.message if crash else str(report.longrepr),
            )


def _try(mutant: Mutant, said: Connection) -> None:
    """Run the tests in this process, which was forked for them."""
    for what, most in ((resource.RLIMIT_CPU, _LONGEST), (resource.RLIMIT_AS, _MEMORY)):
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    reporter = _Reporter()
    try:
        if mutant.tree is not None:
            put_in(_module(f"{PACKAGE}/{mutant.file}"), mutant.tree)
        tests = [f"tests/{test}" for test in mutant.tests]
        options = ("-x", "-q", "-p", "no:cacheprovider", "--assert=plain")
        code = int(pytest.main([*options, *tests], plugins=[reporter]))
        said.send((code, reporter.failed))
    except Exception as error:  # noqa: BLE001  # whatever it is, nothing was tried
        said.send((-1, ("", repr(error))))
    os._exit(0)


class _Trial:
    """A mutant and its process."""

    def __init__(self, mutant: Mutant) -> None:
        """Begin."""
        self.mutant = mutant
        self._began = time.monotonic()
        fork = multiprocessing.get_context("fork")  # all is imported once, and here
        self.said, saying = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_try, args=(mutant, saying))
        self._process.start()
        saying.close()

    def end(self) -> Verdict:
        """Say what became of it, once it has said something or is gone."""
        code, failed = -signal.SIGXCPU, None
        with contextlib.suppress(EOFError):
            code, failed = self.said.recv()
        self._process.join()
        self.said.close()
        seconds = time.monotonic() - self._began
        if code == 0:
            return Verdict(self.mutant, False, "nobody", seconds)
        test, message = failed or ("", f"exit code {code}")
        if code != 1 or message.startswith(_NONSENSE):
            return Verdict(self.mutant, False, message.partition("\n")[0], seconds)
        if "from pytest-timeout" in message:
            return Verdict(self.mutant, False, "no end", seconds)
        return Verdict(self.mutant, True, Path(test.partition("::")[0]).stem, seconds)


def prepare(tests: Iterable[str]) -> None:
    """Import, once and for all, what takes its time."""
    os.environ["PLEXSYNC_MACHINES"] = "find"
    # The test plugin comes first: it mends Home Assistant as it is imported.
    importlib.import_module("pytest_homeassistant_custom_component.plugins")
    for name in ("conftest.py", *tests):
        _module(f"tests/{name.partition('::')[0]}")


def judge(mutants: Iterable[Mutant]) -> Iterator[Verdict]:
    """Try mutants, some at a time."""
    waiting, busy = iter(mutants), dict[Connection, _Trial]()
    while True:
        while len(busy) < AT_ONCE and (mutant := next(waiting, None)) is not None:
            trial = _Trial(mutant)
            busy[trial.said] = trial
        if not busy:
            return
        for said in wait(list(busy)):
            yield busy.pop(said).end()  # type: ignore[call-overload]  # wait gives what it got
