"""Set up a server by signing in with the Plex account that owns it.

The account's token lives for the length of one task and is given to nobody: the entry
keeps the server's own token.
"""

import asyncio
from typing import Any

from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_USER, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.loader import async_get_integration
import probatio

from ..connection import Access, client_identifier, entry_access
from ..const import CONF_MACHINE_ID, DOMAIN
from ..errors import InvalidInputError
from ..outside import outside
from ..plex.account import LINK_PAGE, AccountServer, PlexTv, PlexTvError, SignIn
from ..plex.api import who_answers
from .plex_validation import normalise_plex_url
from .selectors import VERIFY, select, select_address
from .server_flow import ServerFlow

_NOT_A_FIELD = "base"
_ERRORS = {
    "busy": "plex_tv_busy",
    "expired": "plex_tv_expired",
    "refused": "plex_tv_refused",
    "unreachable": "plex_tv_unreachable",
    "unreadable": "plex_tv_unreadable",
}


class AccountFlow(ServerFlow):
    """Sign in, pick a server, find the address that answers from here."""

    _plex_tv: PlexTv
    _sign_in: SignIn
    _signing_in: asyncio.Task[tuple[AccountServer, ...]]
    _account_error = ""
    _shared = ""  # servers that others share with this account, with their owners
    _servers: tuple[AccountServer, ...]  # those that the account owns
    _server: AccountServer
    _connection_form: ConfigFlowResult

    async def async_step_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Start the sign-in, or show why it failed and start again."""
        if self._account_error and user_input is None:
            return self._show_account(self._account_error)
        self._account_error = ""
        integration = await async_get_integration(self.hass, DOMAIN)
        self._plex_tv = PlexTv(
            async_get_clientsession(self.hass),
            client_id=await client_identifier(self.hass),
            version=str(integration.version),
            base=outside(self.hass).plex_tv,
        )
        try:
            self._sign_in = await self._plex_tv.begin()
        except PlexTvError as error:
            return self._show_account(_ERRORS[error.error])
        self._signing_in = self.hass.async_create_background_task(
            self._async_sign_in(), f"{DOMAIN} waits for a sign-in"
        )
        return self._show_link()

    def _show_account(self, error: str, instead: str = "") -> ConfigFlowResult:
        self._account_error = error  # until the form is sent, however often it is shown
        return self.async_show_form(
            step_id="account",
            data_schema=probatio.Schema({}),
            errors={_NOT_A_FIELD: error},
            description_placeholders={"shared": self._shared, "other_url": instead},
        )

    async def _async_sign_in(self) -> tuple[AccountServer, ...]:
        """Wait for the sign-in, then ask for the account's servers. Raises PlexTvError."""
        pause = outside(self.hass).pause
        token = await self._plex_tv.wait(self._sign_in, pause)
        for _ in range(2):
            try:
                return await self._plex_tv.servers(token)
            except PlexTvError as error:
                if error.error not in ("unreachable", "busy"):
                    raise
                await asyncio.sleep(pause)  # one blip must not lose the sign-in
        return await self._plex_tv.servers(token)

    def _show_link(self) -> ConfigFlowResult:
        return self.async_show_progress(
            step_id="link",
            progress_action="link",
            progress_task=self._signing_in,
            description_placeholders={
                "code": self._sign_in.code,
                "link_page": LINK_PAGE,
                "link": self._sign_in.link,
            },
        )

    async def async_step_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait until somebody has signed in."""
        if not self._signing_in.done():
            return self._show_link()
        try:
            found = self._signing_in.result()
        except PlexTvError as error:
            self._account_error = _ERRORS[error.error]
            return self.async_show_progress_done(next_step_id="account")
        self._servers = tuple(each for each in found if each.is_owned)
        self._shared = ", ".join(
            f"{each.name} ({each.owner})" for each in found if not each.is_owned
        )
        if self.source != SOURCE_USER:
            self._choose_the_entrys(found)
        elif not self._servers:
            self._account_error = "only_shared" if found else "no_servers"
        next_step = "account" if self._account_error else "server"
        return self.async_show_progress_done(next_step_id=next_step)

    def _choose_the_entrys(self, found: tuple[AccountServer, ...]) -> None:
        """Narrow the servers down to the entry's own, if the account owns it."""
        own = self._entry.unique_id
        mine = tuple(each for each in self._servers if each.machine_id == own)
        if self.source == SOURCE_REAUTH or mine:
            self._servers = mine
        # Otherwise a server that was reinstalled may take its place.
        if not self._servers:
            is_shared = any(each.machine_id == own for each in found)
            self._account_error = "shared_server" if is_shared else "server_not_yours"

    async def async_step_server(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which server to add, unless the account owns only one."""
        chosen = (user_input or {}).get(CONF_MACHINE_ID)
        if len(self._servers) == 1:
            chosen = self._servers[0].machine_id
        if chosen is not None:
            (self._server,) = (
                each for each in self._servers if each.machine_id == chosen
            )
            return await self._async_connect()
        servers = select({each.machine_id: each.name for each in self._servers})
        return self.async_show_form(
            step_id="server",
            data_schema=probatio.Schema({probatio.Required(CONF_MACHINE_ID): servers}),
        )

    async def _async_connect(self) -> ConfigFlowResult:
        """Go on with the first address that answers as this server."""
        if self.source == SOURCE_REAUTH:
            # Its address is known, and only the token is asked for.
            known = entry_access(self.hass, self._entry)
            return await self._async_try(known.url, verify_ssl=known.verify_ssl)
        client_id = await client_identifier(self.hass)
        answers = await asyncio.gather(
            *(
                who_answers(url, client_id=client_id, verify_ssl=True)
                for url in self._server.addresses
            )
        )
        for url, machine_id in zip(self._server.addresses, answers, strict=True):
            if machine_id == self._server.machine_id:
                return await self._async_try(url, verify_ssl=True)
        return self._show_connection({}, "no_address_answers")

    async def async_step_connection(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for an address when none of the known addresses works."""
        if user_input is None:
            return self._connection_form
        try:
            url = normalise_plex_url(user_input[CONF_URL])
        except InvalidInputError as error:
            return self._show_connection(user_input, error.error, error.field)
        return await self._async_try(url, verify_ssl=user_input[CONF_VERIFY_SSL])

    async def _async_try(self, url: str, *, verify_ssl: bool) -> ConfigFlowResult:
        entered = {CONF_URL: url, CONF_VERIFY_SSL: verify_ssl}
        client_id = await client_identifier(self.hass)
        there = await who_answers(url, client_id=client_id, verify_ssl=verify_ssl)
        if there not in (None, self._server.machine_id):
            # No other server may see the token.
            return self._show_connection(entered, "another_answers", CONF_URL)
        access = Access(url, self._server.token, verify_ssl)
        try:
            return await self._async_go_on(
                access, {**entered, CONF_TOKEN: self._server.token}
            )
        except InvalidInputError as error:
            if error.instead:
                entered[CONF_URL] = error.instead
            is_refused = error.error == "invalid_auth"  # no token was typed here
            return self._show_connection(
                entered,
                "sign_in_refused" if is_refused else error.error,
                _NOT_A_FIELD if is_refused else error.field,
                error.instead,
            )

    def _show_connection(
        self,
        shown: dict[str, Any],
        error: str,
        field: str = _NOT_A_FIELD,
        instead: str = "",
    ) -> ConfigFlowResult:
        if self.source == SOURCE_REAUTH:
            return self._show_account(error, instead)  # no address is asked for
        known = {url: url for url in self._server.addresses}
        schema = probatio.Schema(
            {
                probatio.Required(CONF_URL): select_address(known),
                probatio.Required(CONF_VERIFY_SSL, default=True): VERIFY,
            }
        )
        self._connection_form = self.async_show_form(
            step_id="connection",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors={field: error},
            description_placeholders={
                "server": self._server.name,
                "other_url": instead,
                "example_url": "http://192.168.1.10:32400",
            },
        )
        return self._connection_form
