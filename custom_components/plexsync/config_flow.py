"""Set up a Plex server: its address, its token, and the libraries to sync."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    OptionsFlow,
    SubentryFlowContext,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback

from . import entry_migration
from .connection import NOWHERE, entry_access, plex_servers
from .const import CONF_REUSE, DOMAIN, SUBENTRY_STASH
from .coordinator import PlexSyncConfigEntry
from .errors import InvalidInputError
from .flows.account_flow import AccountFlow
from .flows.address_flow import AddressFlow
from .flows.options_flow import PlexSyncOptionsFlow
from .flows.reauth_flow import ReauthFlow
from .flows.reuse_flow import ReuseFlow
from .flows.stash_flow import StashSubentryFlow
from .takeover import LOOK


class PlexSyncConfigFlow(
    AccountFlow, AddressFlow, ReuseFlow, ReauthFlow, domain=DOMAIN
):
    """Add a server, or change how it is reached: the menus and the way on from them."""

    VERSION = entry_migration.VERSION
    MINOR_VERSION = entry_migration.MINOR_VERSION

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: PlexSyncConfigEntry) -> OptionsFlow:
        """Return the flow that changes the options."""
        return PlexSyncOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: PlexSyncConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the kinds of source."""
        return {SUBENTRY_STASH: StashSubentryFlow}

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how to find the server."""
        return self._show_ways_in("user", "manual")

    @override
    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask again how to find the server; a repair first checks which one answers now."""
        if user_input and LOOK in user_input:
            access, data = entry_access(self.hass, self._entry), self._entry.data
            if access != NOWHERE:
                try:
                    return await self._async_go_on(access, _way(data))
                except InvalidInputError:
                    pass  # whatever is wrong, the menu may offer a way that works
        return self._show_ways_in("reconfigure", "address")

    def _show_ways_in(self, step_id: str, by_hand: str) -> ConfigFlowResult:
        known = ["reuse"] if plex_servers(self.hass) else []
        return self.async_show_menu(
            step_id=step_id, menu_options=["account", *known, by_hand]
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Continue with the first source: a server alone does nothing."""
        if self.source == SOURCE_USER:
            first = await self.hass.config_entries.subentries.async_init(
                (result["result"].entry_id, SUBENTRY_STASH),
                context=SubentryFlowContext(source=SOURCE_USER),
            )
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, first["flow_id"])
        return result


def _way(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an entry's data that says how its server is reached."""
    if data.get(CONF_REUSE):
        return {CONF_REUSE: True}
    return {name: data[name] for name in (CONF_URL, CONF_TOKEN, CONF_VERIFY_SSL)}
