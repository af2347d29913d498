"""Set up a Plex server: where it is, how to be let in, and which libraries to sync."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from . import entry_migration
from .connection import Access, plex_entry_access
from .const import (
    CONF_LIBRARIES,
    CONF_MACHINE_ID,
    CONF_PLEX_ENTRY,
    DOMAIN,
    SUBENTRY_STASH,
)
from .coordinator import PlexSyncConfigEntry
from .options_flow import PlexSyncOptionsFlow
from .stash_flow import StashSubentryFlow
from .validation import InvalidInputError, PlexFound, async_look_at_plex, normalise_url

_URL = TextSelector(TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url"))
_SECRET = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
_MANUAL = probatio.Schema(
    {
        probatio.Required(CONF_URL): _URL,
        probatio.Required(CONF_TOKEN): _SECRET,
        probatio.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }
)
_ADDRESS = probatio.Schema(
    {
        probatio.Required(CONF_URL): _URL,
        probatio.Optional(CONF_TOKEN): _SECRET,
        probatio.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }
)
_REAUTH = probatio.Schema({probatio.Required(CONF_TOKEN): _SECRET})
_EXAMPLES = {"example_url": "http://192.168.1.10:32400"}


class PlexSyncConfigFlow(ConfigFlow, domain=DOMAIN):
    """Add a server, or change how it is reached."""

    VERSION = entry_migration.VERSION
    MINOR_VERSION = entry_migration.MINOR_VERSION

    _access: Mapping[str, Any]  # what the entry keeps of how the server is reached
    _found: PlexFound

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
        if self._plex_entries():
            return self.async_show_menu(
                step_id="user", menu_options=["reuse", "manual"]
            )
        return await self.async_step_manual()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask anew where the server is known from."""
        if self._plex_entries():
            return self.async_show_menu(
                step_id="reconfigure", menu_options=["reuse", "address"]
            )
        return await self.async_step_address()

    async def async_step_reuse(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a server from Home Assistant's own Plex integration."""
        errors: dict[str, str] = {}
        if user_input is not None:
            plex_entry = user_input[CONF_PLEX_ENTRY]
            if (access := plex_entry_access(self.hass, plex_entry)) is None:
                errors[CONF_PLEX_ENTRY] = "plex_entry_unusable"
            else:
                try:
                    return await self._async_look(access, {CONF_PLEX_ENTRY: plex_entry})
                except InvalidInputError as error:
                    errors = error.errors
        stored = (
            self._get_reconfigure_entry().data
            if self.source == SOURCE_RECONFIGURE
            else None
        )
        servers = SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=entry_id, label=title)
                    for entry_id, title in self._plex_entries().items()
                ],
                mode=SelectSelectorMode.DROPDOWN,
            )
        )
        return self.async_show_form(
            step_id="reuse",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema({probatio.Required(CONF_PLEX_ENTRY): servers}),
                user_input or stored,
            ),
            errors=errors,
        )

    async def async_step_manual(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address and the token of a new server."""
        return await self._async_step_access("manual", _MANUAL, user_input, {})

    async def async_step_address(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another address or token; without a token the stored one stays."""
        stored = self._get_reconfigure_entry().data
        return await self._async_step_access("address", _ADDRESS, user_input, stored)

    async def _async_step_access(
        self,
        step_id: str,
        schema: probatio.Schema,
        user_input: dict[str, Any] | None,
        stored: Mapping[str, Any],
    ) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            token = user_input.get(CONF_TOKEN, "").strip() or stored.get(CONF_TOKEN, "")
            try:
                access = Access(
                    normalise_url(user_input[CONF_URL]),
                    token,
                    user_input[CONF_VERIFY_SSL],
                )
                return await self._async_look(
                    access,
                    {
                        CONF_URL: access.url,
                        CONF_TOKEN: access.token,
                        CONF_VERIFY_SSL: access.verify_ssl,
                    },
                )
            except InvalidInputError as error:
                errors = error.errors
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                schema, _without_token(user_input or stored)
            ),
            errors=errors,
            description_placeholders=_EXAMPLES,
        )

    async def _async_look(
        self, access: Access, data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Go on with the server that answers. Raises InvalidInputError."""
        self._found = await async_look_at_plex(self.hass, access)
        self._access = data
        await self._async_claim(self._found)
        return await self.async_step_libraries()

    async def _async_claim(self, found: PlexFound) -> None:
        """Stop where this is another entry's server, or not this entry's."""
        # A waiting reauth names the same server and must not keep others out.
        await self.async_set_unique_id(
            found.identity.machine_id, raise_on_progress=False
        )
        if self.source == SOURCE_USER:
            self._abort_if_unique_id_configured()
        else:
            self._abort_if_unique_id_mismatch(reason="wrong_server")

    async def async_step_libraries(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which libraries are synced."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if chosen := user_input[CONF_LIBRARIES]:
                return self._finish(chosen)
            errors[CONF_LIBRARIES] = "choose_library"
        there = [each.uuid for each in self._found.libraries]
        if self.source == SOURCE_RECONFIGURE:
            stored = self._get_reconfigure_entry().data[CONF_LIBRARIES]
            preset = [uuid for uuid in there if uuid in stored]
        else:
            preset = there if len(there) == 1 else []
        libraries = SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(
                        value=each.uuid, label=f"{each.title} ({each.type})"
                    )
                    for each in self._found.libraries
                ],
                multiple=True,
                mode=SelectSelectorMode.LIST,
            )
        )
        return self.async_show_form(
            step_id="libraries",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_LIBRARIES, default=preset): libraries}
            ),
            errors=errors,
            description_placeholders={"server": self._title},
        )

    def _finish(self, libraries: list[str]) -> ConfigFlowResult:
        data = {
            **self._access,
            CONF_MACHINE_ID: self._found.identity.machine_id,
            CONF_LIBRARIES: libraries,
        }
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(self._get_reconfigure_entry(), data=data)
        return self.async_create_entry(title=self._title, data=data)

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Begin because Plex refused the token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a token that Plex accepts."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            token = user_input[CONF_TOKEN].strip()
            access = Access(entry.data[CONF_URL], token, entry.data[CONF_VERIFY_SSL])
            try:
                found = await async_look_at_plex(self.hass, access)
            except InvalidInputError as error:
                errors = error.errors
            else:
                await self._async_claim(found)
                return self.async_update_and_abort(
                    entry, data_updates={CONF_TOKEN: token}
                )
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=_REAUTH,
            errors=errors,
            description_placeholders={"server": entry.title},
        )

    @property
    def _title(self) -> str:
        return self._found.identity.name or "Plex"

    def _plex_entries(self) -> dict[str, str]:
        """Name the servers that Home Assistant's own Plex integration knows."""
        return {
            entry.entry_id: entry.title
            for entry in self.hass.config_entries.async_entries(
                "plex", include_ignore=False
            )
        }


def _without_token(data: Mapping[str, Any]) -> dict[str, Any]:
    """Secrets are never shown again."""
    return {key: value for key, value in data.items() if key != CONF_TOKEN}
