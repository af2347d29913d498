"""State machines: how much they try, and what they say of it.

By default a third of the programs, the same on every run, in seconds.
``PLEXSYNC_MACHINES=find`` runs all of them and stops at the first failure without
making it small (for ``scripts/mutants``); ``PLEXSYNC_MACHINES=long`` makes up new
ones, thirty times as many. With ``-s`` or ``-rP`` each machine prints its figures.
"""

import os
import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    run_state_machine_as_test,
)

_MODE = os.environ.get("PLEXSYNC_MACHINES", "")
_LONG = _MODE == "long"
_MORE = {"find": 1, "long": 30}.get(_MODE, 1 / 3)
# Seconds, on a machine that has much else to do.
LIMIT = int(600 * max(_MORE, 1))


class Machine(RuleBasedStateMachine):
    """A machine that counts its programs and their steps."""

    programs = 0
    steps = 0

    def __init__(self) -> None:
        """Begin a program."""
        super().__init__()
        type(self).programs += 1

    @invariant()
    def count(self) -> None:
        """Count a step."""
        type(self).steps += 1


def run(machine: type[Machine], programs: int, steps: int) -> None:
    """Run a machine: programs, and steps in each at most."""
    phases = [Phase.explicit, Phase.generate]
    if _MODE != "find":
        phases.append(Phase.shrink)
    machine.programs = machine.steps = 0
    began = time.monotonic()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(programs * _MORE),
            stateful_step_count=steps,
            derandomize=not _LONG,
            database=None,
            deadline=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{machine.__name__}: {machine.programs} programs,"
        f" {machine.steps - machine.programs} steps, {seconds:.1f} s,"
        f" {'made up anew' if _LONG else 'the same on every run'}\n"
    )
