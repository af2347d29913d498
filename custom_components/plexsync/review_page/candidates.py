"""Describe items so that a person can tell them apart."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.util.json import JsonObjectType

from ..actions.record_input import rating_key
from ..coordinator import PlexSyncCoordinator
from ..engine.look.look import Look
from ..engine.model.holds import READING

_MAX_PATHS: Final = 20  # files of one item


async def candidates(
    coordinator: PlexSyncCoordinator, msg: Mapping[str, Any]
) -> JsonObjectType:
    """Read items from Plex and describe them; those that are gone are left out.

    Raises Fault, StorageError and ServiceValidationError.
    """
    engine = coordinator.engine
    wanted = dict.fromkeys(map(rating_key, msg["rating_keys"]), "")
    async with engine.admission.calls(READING) as calls:
        found = await Look(engine.common, calls).read(wanted)
    libraries = {
        each.uuid: each.title for each in await coordinator.server.known_libraries()
    }
    return {
        "items": [
            {
                "rating_key": item.rating_key,
                "title": str(item.fields.get("title") or ""),
                "year": item.year,
                "library": libraries.get(item.section, ""),
                "paths": list(item.paths[:_MAX_PATHS]),
            }
            for key in wanted
            if (item := found.get(key)) is not None
        ]
    }
