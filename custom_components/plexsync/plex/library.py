"""Parse Plex's descriptions of the server and its libraries."""

from dataclasses import dataclass

from .classify import NOT_PLEX, STARTING
from .markup import Element, number, parse

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


def identity(root: Element) -> Identity:
    """Parse the identity from ``/identity`` or ``/``; raises Fault during a start."""
    if root.get("startState"):
        raise STARTING.fault()
    if not (machine_id := root.get("machineIdentifier")):
        raise NOT_PLEX.fault()
    return Identity(
        machine_id, root.get("friendlyName") or "", root.get("version") or ""
    )


def parse_identity(data: bytes) -> Identity:
    """Parse the answer of ``/identity``; raises Fault."""
    return identity(parse(data))


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
