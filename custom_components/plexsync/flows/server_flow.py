"""The steps that all ways to a server share: check the server, choose its libraries."""

from collections.abc import Mapping
import contextlib
from typing import Any

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_TOKEN
import probatio

from ..connection import Access, plex_access
from ..const import CONF_LIBRARIES, CONF_MACHINE_ID, CONF_REUSE, DOMAIN
from ..coordinator import PlexSyncConfigEntry, loaded
from ..engine.database.database import StorageError
from ..plex.library import Library
from ..takeover import preset
from .plex_validation import PlexFound, async_look_at_plex
from .selectors import select_libraries


class ServerFlow(ConfigFlow):
    """Get from an address and a token to the entry; mixins ask for those two."""

    _access: Mapping[str, Any]  # what the entry keeps of how the server is reached
    _found: PlexFound

    @property
    def _entry(self) -> PlexSyncConfigEntry:
        """The entry that the flow changes."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry()

    async def _async_go_on(
        self, access: Access, data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Continue with the server that answers. Raises InvalidInputError.

        ``data`` is the part of ``access`` that the entry will keep.
        """
        self._found = await async_look_at_plex(self.hass, access)
        self._access = data
        machine_id = self._found.identity.machine_id
        # A pending reauth flow has the same unique id and must not block this one.
        await self.async_set_unique_id(machine_id, raise_on_progress=False)
        if self.source == SOURCE_USER:
            self._abort_if_unique_id_configured()
        elif machine_id != self._entry.unique_id:
            return await self._async_meet_another()
        elif self.source == SOURCE_REAUTH:
            token = data.get(CONF_TOKEN, access.token)
            return self._update({**self._entry.data, CONF_TOKEN: token})
        return await self.async_step_libraries()

    # Another machine answers

    async def _async_meet_another(self) -> ConfigFlowResult:
        """Handle that another server answers than the entry's."""
        if self._belongs_to_another:
            return self.async_abort(reason="already_configured")
        if self.source == SOURCE_REAUTH:
            return self.async_abort(
                reason="wrong_server", description_placeholders=self._names
            )
        return await self.async_step_another_server()

    async def async_step_another_server(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether this is the same Plex, reinstalled."""
        return self.async_show_menu(
            step_id="another_server",
            menu_options=["take_over", "reconfigure"],
            description_placeholders=self._names,
        )

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Continue with the new machine in place of the old one.

        A borrowed address is looked up by machine identifier, so the ``plex`` integration
        has to know the new machine.
        """
        machine_id = self._found.identity.machine_id
        if self._access.get(CONF_REUSE) and plex_access(self.hass, machine_id) is None:
            return self.async_abort(
                reason="plex_entry_old", description_placeholders=self._names
            )
        return await self.async_step_libraries()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask again how to find the server: implemented by the flow itself."""
        raise NotImplementedError

    @property
    def _belongs_to_another(self) -> bool:
        """Whether another entry has the server that answers."""
        found = self.hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, self._found.identity.machine_id
        )
        if found is None or self.source == SOURCE_USER:
            return found is not None
        return found is not self._entry

    @property
    def _names(self) -> dict[str, str]:
        return {"server": self._entry.title, "other": self._found.name}

    # Its libraries

    async def async_step_libraries(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which libraries to sync."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if chosen := user_input[CONF_LIBRARIES]:
                return self._finish(chosen)
            errors[CONF_LIBRARIES] = "choose_library"
        libraries = select_libraries(self._found.libraries)
        chosen = await self._async_preset()
        return self.async_show_form(
            step_id="libraries",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_LIBRARIES, default=chosen): libraries}
            ),
            errors=errors,
            description_placeholders={"server": self._found.name},
        )

    async def _async_preset(self) -> list[str]:
        """Return the libraries chosen before, or the only one that exists."""
        there = self._found.libraries
        if self.source != SOURCE_RECONFIGURE:
            return [each.uuid for each in there] if len(there) == 1 else []
        known: tuple[Library, ...] = ()
        if (coordinator := loaded(self._entry)) is not None:
            with contextlib.suppress(StorageError):  # then only the ids are compared
                known = await coordinator.server.known_libraries()
        return preset(self._entry.data[CONF_LIBRARIES], known, there)

    # The end

    def _finish(self, libraries: list[str]) -> ConfigFlowResult:
        if self._belongs_to_another:
            # Since the form was opened. Home Assistant would delete that entry now.
            return self.async_abort(reason="already_configured")
        data = {
            **self._access,
            CONF_MACHINE_ID: self._found.identity.machine_id,
            CONF_LIBRARIES: libraries,
        }
        if self.source == SOURCE_RECONFIGURE:
            return self._update(data)
        return self.async_create_entry(title=self._found.name, data=data)

    def _update(self, data: Mapping[str, Any]) -> ConfigFlowResult:
        """Update the entry, and let it continue at once.

        An entry that is set up has a listener, which is only called for changes. An
        entry that is not set up has none, and would wait until Home Assistant tries
        again. An entry that is being set up checks at the end whether it was changed.
        """
        entry = self._entry
        coordinator, is_same = loaded(entry), data == entry.data
        result = self.async_update_and_abort(
            entry, unique_id=data[CONF_MACHINE_ID], data=data
        )
        if coordinator is None:
            if entry.state.recoverable:
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
        elif is_same:
            coordinator.engine.health.hurry()
        return result
