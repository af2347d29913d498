"""The world outside: plex.tv, and the search for servers on the network."""

from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .plex.account import PLEX_TV
from .plex.gdm import GROUP


@dataclass(frozen=True, slots=True)
class Outside:
    """Addresses and times. Tests and the demo put others into ``hass.data``.

    ``group`` is the address that a search of the network is sent to, None for no search;
    ``listens`` is how many seconds the search waits for answers, ``pause`` how many
    seconds pass between two checks for a sign-in.
    """

    plex_tv: str = PLEX_TV
    group: tuple[str, int] | None = GROUP
    listens: float = 1.0
    pause: float = 2.0


OUTSIDE: HassKey[Outside] = HassKey("plexsync_outside")


def outside(hass: HomeAssistant) -> Outside:
    """Return what ``hass.data`` has, or else the real addresses."""
    return hass.data.get(OUTSIDE) or Outside()
