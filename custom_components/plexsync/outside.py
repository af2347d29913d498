"""What lies outside the house: plex.tv, and how servers on the network are asked for."""

from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .plex.account import PLEX_TV
from .plex.gdm import GROUP


@dataclass(frozen=True, slots=True)
class Outside:
    """Where to ask. Tests and the demo put another one into ``hass.data``.

    ``group`` is where a search of the network is sent to, None for no search;
    ``listens`` is how many seconds answers are waited for, ``pause`` how many pass
    between two looks at whether somebody has signed in.
    """

    plex_tv: str = PLEX_TV
    group: tuple[str, int] | None = GROUP
    listens: float = 1.0
    pause: float = 2.0


OUTSIDE: HassKey[Outside] = HassKey("plexsync_outside")


def outside(hass: HomeAssistant) -> Outside:
    """Give the real one, unless another was put in its place."""
    return hass.data.get(OUTSIDE) or Outside()
