"""Reauthenticate after Plex refused the token."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_TOKEN
import probatio

from ..connection import Access, entry_access
from ..const import CONF_REUSE
from ..coordinator import loaded
from ..errors import InvalidInputError
from .address_flow import TEXTS
from .selectors import SECRET
from .server_flow import ServerFlow

_WAYS = ["account", "token"]
_REFUSED = ("invalid_auth", "read_only_token")  # errors that are the token's own


class ReauthFlow(ServerFlow):
    """Ask for a new token, and try it before accepting it."""

    _untried_token = ""  # entered, but Plex could not be asked about it

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Start because Plex refused the token, or lets it read but not edit."""
        entry = self._entry
        if entry.data.get(CONF_REUSE):
            # The token comes from the `plex` entry: one entered here would never be used.
            return self.async_abort(
                reason="reauth_elsewhere",
                description_placeholders={"server": entry.title},
            )
        coordinator = loaded(entry)
        if coordinator is not None and coordinator.engine.health.edits_refused:
            return await self.async_step_reauth_read_only()
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Explain that Plex refuses the token."""
        return self._show_ways("reauth_confirm")

    async def async_step_reauth_read_only(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Explain that Plex refuses edits."""
        return self._show_ways("reauth_read_only")

    def _show_ways(self, step_id: str) -> ConfigFlowResult:
        return self.async_show_menu(
            step_id=step_id,
            menu_options=_WAYS,
            description_placeholders={"server": self._entry.title},
        )

    async def async_step_token(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a token; if none is entered, try one that was not tried, or the stored one."""
        known = entry_access(self.hass, self._entry)
        errors: dict[str, str] = {}
        texts = TEXTS | {"server": self._entry.title}
        if user_input is not None:
            typed = user_input.get(CONF_TOKEN, "").strip() or self._untried_token
            token = typed or known.token
            access = Access(known.url, token, known.verify_ssl)
            try:
                return await self._async_go_on(access, {CONF_TOKEN: token})
            except InvalidInputError as error:
                self._untried_token = "" if error.error in _REFUSED else typed
                # The form has no field for the address, so the error is that of the form.
                errors = {"base": error.error}
                texts["other_url"] = error.instead
        return self.async_show_form(
            step_id="token",
            data_schema=probatio.Schema({probatio.Optional(CONF_TOKEN): SECRET}),
            errors=errors,
            description_placeholders=texts,
        )
