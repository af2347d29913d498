"""Set up a Plex server: where it is, how to be let in, and which libraries to sync."""

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
from .account_flow import AccountFlow
from .address_flow import AddressFlow
from .connection import NOWHERE, entry_access, plex_servers
from .const import CONF_REUSE, DOMAIN, SUBENTRY_STASH
from .coordinator import PlexSyncConfigEntry
from .options_flow import PlexSyncOptionsFlow
from .reauth_flow import ReauthFlow
from .reuse_flow import ReuseFlow
from .stash_flow import StashSubentryFlow
from .takeover import LOOK
from .validation import InvalidInputError


class PlexSyncConfigFlow(
    AccountFlow, AddressFlow, ReuseFlow, ReauthFlow, domain=DOMAIN
):
    """Add a server, or change how it is reached: the menus, and what comes after."""

    VERSION = entry_migration.VERSION
    MINOR_VERSION = entry_migration.MINOR_VERSION

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: PlexSyncConfigEntry) -> OptionsFlow:
        """Give the flow that changes the options."""
        return PlexSyncOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: PlexSyncConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Name the kinds of source."""
        return {SUBENTRY_STASH: StashSubentryFlow}

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the server is known from."""
        return self._show_ways_in("user", "manual")

    @override
    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask anew where the server is known from; or look first who is there now."""
        if user_input and LOOK in user_input:
            access, data = entry_access(self.hass, self._entry), self._entry.data
            if access != NOWHERE:
                try:
                    return await self._async_go_on(access, _way(data))
                except InvalidInputError:
                    pass  # whatever it is, another way in may help
        return self._show_ways_in("reconfigure", "address")

    def _show_ways_in(self, step_id: str, by_hand: str) -> ConfigFlowResult:
        known = ["reuse"] if plex_servers(self.hass) else []
        return self.async_show_menu(
            step_id=step_id, menu_options=["account", *known, by_hand]
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go on to the first source: a server alone does nothing."""
        if self.source == SOURCE_USER:
            first = await self.hass.config_entries.subentries.async_init(
                (result["result"].entry_id, SUBENTRY_STASH),
                context=SubentryFlowContext(source=SOURCE_USER),
            )
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, first["flow_id"])
        return result


def _way(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what an entry keeps of how its server is reached."""
    if data.get(CONF_REUSE):
        return {CONF_REUSE: True}
    return {name: data[name] for name in (CONF_URL, CONF_TOKEN, CONF_VERIFY_SSL)}
