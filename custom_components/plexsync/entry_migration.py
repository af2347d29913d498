"""Migrate config entries of older versions."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .const import CONF_FIELDS, CONF_POLL_SLOWEST, CONF_REUSE, SUBENTRY_STASH

# 1.2 keeps all options of a source together; 1.1 had two of them elsewhere. 1.2 finds a
# borrowed server by its machine identifier; 1.1 kept the id of the `plex` entry.
VERSION: Final = 1
MINOR_VERSION: Final = 2

_PLEX_ENTRY = "plex_entry_id"
_FILL_ONLY = "fill_only"  # was beside a source's fields; is now one of its options
_POLL_INTERVAL = "poll_interval"  # was one option of the server, for all its sources
_USUAL_INTERVAL = 10  # seconds; who never changed it gets today's rhythm
_LEAST_SLOWEST = 10  # seconds; the lowest value that can be chosen today


@callback
def async_migrate(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Migrate an entry; return whether this version can read it.

    Home Assistant itself refuses an entry with a newer major version. A newer minor
    version only adds what this version does not read, so the entry is left as it is.
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
    """Return the data of a source of version 1.1, as 1.2 reads it.

    What was the fixed interval between two polls is the longest wait now.
    """
    kept = dict(data)
    fill_only = kept.pop(_FILL_ONLY, None)
    if fill_only is not None:
        kept[CONF_FIELDS] = {_FILL_ONLY: fill_only} | dict(kept.get(CONF_FIELDS, {}))
    if isinstance(interval, int | float) and interval != _USUAL_INTERVAL:
        kept.setdefault(CONF_POLL_SLOWEST, max(_LEAST_SLOWEST, int(interval)))
    return kept
