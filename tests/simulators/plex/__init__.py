"""A Plex Media Server to test against: in process (`PlexCore`) or over HTTP (`PlexSimulator`)."""

from .core import PlexCore
from .faults import Ending, Faults, Rule, Verdict
from .library import from_films, synthetic
from .messages import Request, Response
from .server import Entry, Journal, PlexSimulator
from .state import Item, ItemType, Section
from .switches import Switches

__all__ = [
    "Ending",
    "Entry",
    "Faults",
    "Item",
    "ItemType",
    "Journal",
    "PlexCore",
    "PlexSimulator",
    "Request",
    "Response",
    "Rule",
    "Section",
    "Switches",
    "Verdict",
    "from_films",
    "synthetic",
]
