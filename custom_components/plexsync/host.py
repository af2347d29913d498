"""What hosts one engine: its config entry, and what was built for that."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .connection import Access
from .engine.engine import Engine
from .images import ImageDesk
from .sources.runner import SourceRunner


@dataclass(frozen=True, slots=True)
class Host:
    """What the coordinator shares with those who work for it; it owns all of this."""

    hass: HomeAssistant
    entry: ConfigEntry
    access: Access
    engine: Engine
    images: ImageDesk
    runners: dict[str, SourceRunner]  # by source
