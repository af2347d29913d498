"""Set up a server by an address and a token that a person enters."""

import asyncio
from collections.abc import Mapping
import contextlib
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
import probatio

from ..connection import Access
from ..const import DOMAIN
from ..errors import InvalidInputError
from ..outside import outside
from ..plex.gdm import NearServer, search
from .plex_validation import normalise_plex_url, with_port
from .selectors import SECRET, VERIFY, select_address
from .server_flow import ServerFlow

TEXTS = {
    "example_url": "http://192.168.1.10:32400",
    "token_url": "https://support.plex.tv/articles/204059436-finding-an-authentication-token-x-plex-token/",
    "other_url": "",
}
_PATIENCE = 2.0  # seconds that a form waits for the network at most


class AddressFlow(ServerFlow):
    """Ask for address and token; what was entered survives every error."""

    _typed_token = ""  # kept here and never shown again
    _near: list[NearServer] | None = None

    async def async_step_manual(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address and the token of a new server."""
        return await self._async_step_access("manual", user_input, {})

    async def async_step_address(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another address or token; without a token the stored one stays."""
        stored = self._entry.data
        return await self._async_step_access("address", user_input, stored)

    async def _async_step_access(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        stored: Mapping[str, Any],
    ) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        texts = dict(TEXTS)
        shown = dict(user_input or stored)
        if user_input is None and CONF_URL in stored:
            shown[CONF_URL] = with_port(stored[CONF_URL])
        if user_input is not None:
            self._typed_token = (
                user_input.get(CONF_TOKEN, "").strip() or self._typed_token
            )
            token = self._typed_token or stored.get(CONF_TOKEN, "")
            try:
                url = normalise_plex_url(user_input[CONF_URL])
                access = Access(url, token, user_input[CONF_VERIFY_SSL])
                data = {
                    CONF_URL: url,
                    CONF_TOKEN: token,
                    CONF_VERIFY_SSL: access.verify_ssl,
                }
                return await self._async_go_on(access, data)
            except InvalidInputError as error:
                errors = error.errors
                if error.instead:
                    shown[CONF_URL] = texts["other_url"] = error.instead
        shown.pop(CONF_TOKEN, None)  # secrets are never shown again
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                await self._async_schema(), shown
            ),
            errors=errors,
            description_placeholders=texts,
        )

    async def _async_schema(self) -> probatio.Schema:
        known = {
            each.url: f"{each.name} ({each.url})" for each in await self._async_search()
        }
        return probatio.Schema(
            {
                probatio.Required(CONF_URL): select_address(known),
                # A server may let in everybody in its own network.
                probatio.Optional(CONF_TOKEN): SECRET,
                probatio.Required(CONF_VERIFY_SSL, default=True): VERIFY,
            }
        )

    async def _async_search(self) -> list[NearServer]:
        """Search the network, once, for servers that belong to no other entry."""
        if self._near is None:
            where = outside(self.hass)
            found: list[NearServer] = []
            if where.group is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        found = await self.hass.async_add_executor_job(
                            search, where.group, where.listens
                        )
            taken = {
                entry.unique_id
                for entry in self.hass.config_entries.async_entries(DOMAIN)
                if self.source == SOURCE_USER or entry is not self._entry
            }
            self._near = [each for each in found if each.machine_id not in taken]
        return self._near
