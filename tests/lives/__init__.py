"""The recorded lives of real Stash servers: what was asked, what was answered, what changed.

The recordings lie beside the repository, in ``shared/data/stash``; their README says
how they are written. Tests that need them are skipped where they are missing.
"""

from .changes import Change, changes
from .known import known
from .player import PlayClock, Player
from .recordings import MISSING, VERSIONS, Step, steps

__all__ = [
    "MISSING",
    "VERSIONS",
    "Change",
    "PlayClock",
    "Player",
    "Step",
    "changes",
    "known",
    "steps",
]
