"""The repair for an entry whose chosen libraries are all gone."""

import asyncio
from typing import Any

from homeassistant.components.repairs import RepairsFlowResult
import probatio

from ..const import CONF_LIBRARIES
from ..engine.database.database import StorageError
from ..engine.model.faults import Fault
from ..flows.selectors import select_libraries
from ..plex.library import SUPPORTED
from .base import EntryRepairFlow

_PATIENCE = 15.0  # seconds that the form waits for the list


class LibraryRepairFlow(EntryRepairFlow):
    """Ask for other libraries."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Start the flow."""
        return await self.async_step_libraries()

    async def async_step_libraries(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask which libraries to sync from now on."""
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="not_loaded")
        entry, errors = coordinator.config_entry, {}
        if user_input is not None:
            if chosen := user_input[CONF_LIBRARIES]:
                # The update listener reloads the entry.
                self.hass.config_entries.async_update_entry(
                    entry, data={**entry.data, CONF_LIBRARIES: chosen}
                )
                return self.async_create_entry(data={})
            errors[CONF_LIBRARIES] = "choose_library"
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await coordinator.server.libraries()
        except Fault, StorageError, TimeoutError:
            return self.async_abort(reason="cannot_connect")
        there = tuple(each for each in found if each.type in SUPPORTED)
        if not there:
            return self.async_abort(reason="no_libraries")
        return self.async_show_form(
            step_id="libraries",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_LIBRARIES): select_libraries(there)}
            ),
            errors=errors,
            description_placeholders={"name": entry.title},
        )
