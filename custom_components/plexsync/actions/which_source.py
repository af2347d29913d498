"""The source that an action means, given by its id or its device."""

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN, SOURCE_ACTION
from ..coordinator import PlexSyncCoordinator
from ..errors import invalid


@callback
def source_id(coordinator: PlexSyncCoordinator, given: str) -> str:
    """Return the id of a source. Raises ServiceValidationError if it does not exist.

    The server's own device stands for the source of actions' records.
    """
    known = (SOURCE_ACTION, *coordinator.runners)
    if given in known:
        return given
    if (device := dr.async_get(coordinator.hass).async_get(given)) is not None:
        server = coordinator.config_entry.entry_id
        if (DOMAIN, server) in device.identifiers:
            return SOURCE_ACTION
        for source in coordinator.runners:
            if (DOMAIN, f"{server}_{source}") in device.identifiers:
                return source
    raise invalid("source_unknown", source=given)
