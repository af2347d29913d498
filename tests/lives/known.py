"""Where the simulated Stash differs from the recorded lives, knowingly, and why.

A difference that is not here fails the replay, and so does an entry of a place
that no longer differs.
"""

from typing import NamedTuple

from .recordings import VERSIONS


class Known(NamedTuple):
    """One place that differs."""

    step: str
    where: str
    why: str
    versions: tuple[str, ...] = VERSIONS


KNOWN = (
    Known(
        "496",
        "body.errors",
        "The validator of Stash tells of an unknown type twice and at the variable;"
        " ours once, at the type.",
    ),
    Known(
        "506",
        "body.errors[0].message",
        "The names it guesses are those of the whole schema, of which the simulator has a part.",
        ("0.27.2",),
    ),
)


def known(version: str) -> dict[tuple[str, str], str]:
    """Return step and place → reason, of one version."""
    return {
        (each.step, each.where): each.why for each in KNOWN if version in each.versions
    }
