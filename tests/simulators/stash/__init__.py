"""A simulated Stash: its state, its GraphQL interface in eight versions, and its HTTP."""

from .api import Answer, StashApi
from .base import Kind, StashError
from .control import ControlServer
from .core import StashCore
from .faults import Fault, FaultKind
from .journal import Entry, Journal
from .scenes import SceneFields
from .seed import load_films, load_synthetic
from .server import StashSimulator

__all__ = [
    "Answer",
    "ControlServer",
    "Entry",
    "Fault",
    "FaultKind",
    "Journal",
    "Kind",
    "SceneFields",
    "StashApi",
    "StashCore",
    "StashError",
    "StashSimulator",
    "load_films",
    "load_synthetic",
]
