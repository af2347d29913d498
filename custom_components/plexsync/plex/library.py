"""Parse Plex's descriptions of the server and its libraries."""

from dataclasses import dataclass

from ..engine.model.faults import Fault, FaultClass
from ..engine.model.reasons import Reason
from .markup import number, parse

SUPPORTED = frozenset({"movie", "show"})


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a server."""

    machine_id: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Library:
    """A library. ``uuid`` identifies it for ever, ``key`` is used in requests.

    ``content_changed_at`` is a counter of the server that grows with each change.
    """

    key: str
    uuid: str
    type: str
    title: str
    locations: tuple[str, ...]
    content_changed_at: int


def parse_identity(data: bytes) -> Identity:
    """Parse the identity from ``/identity`` or ``/``; raises Fault during a start."""
    root = parse(data)
    if root.get("startState"):
        raise Fault(FaultClass.SERVER, Reason.STARTING)
    if not (machine_id := root.get("machineIdentifier")):
        raise Fault(FaultClass.SERVER, Reason.NOT_PLEX)
    return Identity(
        machine_id, root.get("friendlyName") or "", root.get("version") or ""
    )


def parse_libraries(data: bytes) -> tuple[Library, ...]:
    """Parse the answer of ``/library/sections``; raises Fault."""
    return tuple(
        Library(
            key=key,
            uuid=uuid,
            type=node.get("type") or "",
            title=node.get("title") or "",
            locations=tuple(
                path for place in node.iter("Location") if (path := place.get("path"))
            ),
            content_changed_at=number(node.get("contentChangedAt")) or 0,
        )
        for node in parse(data).iter("Directory")
        if number(key := node.get("key") or "") is not None
        and (uuid := node.get("uuid"))
    )
