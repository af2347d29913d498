"""Matching as callers want it that know nothing of single libraries."""

from collections.abc import Sequence

from .ports import Match, Server
from .record import Find
from .retry import Fault, FaultClass


async def match_all(server: Server, finds: Sequence[Find]) -> list[Match]:
    """Find the item of each; raises what the look through any library met."""
    matches = await server.match(finds)
    if fault := next((match.fault for match in matches if match.fault), None):
        if fault.kind is FaultClass.ITEM:
            raise Fault(FaultClass.SERVER, fault.reason)
        raise fault
    return matches
