"""Bring what an older version keeps in a config entry to where this one looks for it."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .const import CONF_FIELDS, CONF_POLL_SLOWEST, CONF_REUSE, SUBENTRY_STASH

# 1.2 has the options of a source together, where 1.1 had two of them elsewhere, and
# finds a borrowed server by its machine, where 1.1 kept the id of the `plex` entry.
VERSION: Final = 1
MINOR_VERSION: Final = 2

_PLEX_ENTRY = "plex_entry_id"
_FILL_ONLY = "fill_only"  # stood beside the fields of a source; is one of its options
_POLL_INTERVAL = "poll_interval"  # was an option of the server, one for all its sources
_USUAL_INTERVAL = 10  # seconds; whoever never chose another has today's rhythm
_LEAST_SLOWEST = 10  # seconds that can be chosen for it today


@callback
def async_migrate(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Migrate an entry; say whether this version can read it.

    Home Assistant itself refuses an entry with a newer major version. A newer minor
    one has only what this version does not look at, and is left as it is.
    """
    if (entry.version, entry.minor_version) >= (VERSION, MINOR_VERSION):
        return entry.version == VERSION
    interval = entry.options.get(_POLL_INTERVAL)
    for subentry in entry.get_subentries_of_type(SUBENTRY_STASH):
        hass.config_entries.async_update_subentry(
            entry, subentry, data=_source(subentry.data, interval)
        )
    data = dict(entry.data)
    if data.pop(_PLEX_ENTRY, None) is not None:
        data[CONF_REUSE] = True
    hass.config_entries.async_update_entry(
        entry,
        data=data,
        options={k: v for k, v in entry.options.items() if k != _POLL_INTERVAL},
        version=VERSION,
        minor_version=MINOR_VERSION,
    )
    return True


def _source(data: Mapping[str, Any], interval: Any) -> dict[str, Any]:
    """Give what a source of version 1.1 keeps, as 1.2 reads it.

    The interval in which it was asked whatever happened is the longest wait now.
    """
    kept = dict(data)
    fill_only = kept.pop(_FILL_ONLY, None)
    if fill_only is not None:
        kept[CONF_FIELDS] = {_FILL_ONLY: fill_only} | dict(kept.get(CONF_FIELDS, {}))
    if isinstance(interval, int | float) and interval != _USUAL_INTERVAL:
        kept.setdefault(CONF_POLL_SLOWEST, max(_LEAST_SLOWEST, int(interval)))
    return kept
