"""A server that Home Assistant's own Plex integration knows."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.helpers.selector import SelectSelectorMode
import probatio

from ..connection import NOWHERE, plex_access, plex_servers
from ..const import CONF_MACHINE_ID, CONF_REUSE
from ..errors import InvalidInputError
from .selectors import select
from .server_flow import ServerFlow

_TEXTS = {"other_url": ""}


class ReuseFlow(ServerFlow):
    """Ask for the server; its address and token are read afresh at every connect."""

    async def async_step_reuse(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a server from Home Assistant's own Plex integration."""
        errors: dict[str, str] = {}
        texts = dict(_TEXTS)
        if user_input is not None:
            machine_id = user_input[CONF_MACHINE_ID]
            access = plex_access(self.hass, machine_id) or NOWHERE
            try:
                return await self._async_go_on(access, {CONF_REUSE: True})
            except InvalidInputError as error:
                # No field of this form is to blame.
                errors = {"base": error.error}
                texts["other_url"] = error.instead
        known = plex_servers(self.hass)
        chosen = user_input
        if chosen is None and self.source != SOURCE_USER:
            own = self._entry.unique_id
            chosen = {CONF_MACHINE_ID: own} if own in known else None
        servers = select(known, SelectSelectorMode.DROPDOWN)
        return self.async_show_form(
            step_id="reuse",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema({probatio.Required(CONF_MACHINE_ID): servers}), chosen
            ),
            errors=errors,
            description_placeholders=texts,
        )
