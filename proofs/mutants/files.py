"""The files that matter: who has to notice a change, and how many pass unseen today."""

from dataclasses import dataclass

_BREAKER = ("engine/test_breaker.py", "engine/test_breaker_machine.py")
_JUDGE = ("engine/test_circuit.py", "engine/test_judge.py")


@dataclass(frozen=True, slots=True)
class File:
    """One file of the integration."""

    file: str
    tests: tuple[str, ...]
    unseen: int  # changes that these tests do not notice


FILES = (
    File("engine/circuit/breaker.py", _BREAKER, 18),
    File("engine/calls/bulkheads.py", ("engine/test_bulkheads.py",), 15),
    File("engine/calls/judge.py", _JUDGE, 39),
)
