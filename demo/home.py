"""Home Assistant as its own pages see it: log-in, REST, websocket, flows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
import itertools
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse

USER = "demo"
PASSWORD = "demo"

_ONE_TRY = ClientTimeout(total=5)
_PAUSE = 0.1


class HomeError(Exception):
    """Home Assistant said no, or nothing."""


def is_known(state: str) -> bool:
    """Say whether a state is one."""
    return state not in ("unknown", "unavailable")


class Connection:
    """One websocket, logged in."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        """Take the socket."""
        self._socket = socket
        self._numbers = itertools.count(1)

    async def command(self, command: str, **data: Any) -> Any:
        """Send a command and give its result. Raises HomeError."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "type": command, **data})
        while True:
            message = await self._socket.receive_json()
            if message["id"] == number and message["type"] == "result":
                break
        if not message["success"]:
            raise HomeError(f"{command}: {message['error']}")
        return message["result"]

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the events that were subscribed to."""
        while True:
            message = await self._socket.receive_json()
            if message["type"] == "event":
                yield message["event"]


class Home:
    """One Home Assistant and one user."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Name it; nothing is asked yet."""
        self._session = session
        self.url = url
        self._tokens: dict[str, Any] = {}

    @property
    def client_id(self) -> str:
        """Who we say that we are: its own pages."""
        return f"{self.url}/"

    @property
    def tokens(self) -> dict[str, Any]:
        """What its pages keep of a log-in."""
        return {
            **self._tokens,
            "hassUrl": self.url,
            "clientId": self.client_id,
        }

    # -- life ------------------------------------------------------------------

    async def log_in(self, patience: float = 60.0) -> None:
        """Wait until it answers, make the user where there is none, and log in."""
        async with asyncio.timeout(patience):
            if not await self._wants_onboarding():
                await self._take_tokens(await self._log_in())
                return
            await self._take_tokens(await self._onboard())
            await self.post("/api/onboarding/analytics", {})
            await self.post(
                "/api/onboarding/integration",
                {"client_id": self.client_id, "redirect_uri": self.client_id},
            )

    async def running(self, patience: float = 60.0) -> None:
        """Wait until it has started everything."""
        async with asyncio.timeout(patience):
            while (await self.get("/api/config"))["state"] != "RUNNING":
                await asyncio.sleep(_PAUSE)

    async def _wants_onboarding(self) -> bool:
        """Wait for an answer; after a restart the path is no longer there."""
        while True:
            try:
                async with self._session.get(
                    f"{self.url}/api/onboarding", timeout=_ONE_TRY
                ) as answer:
                    if answer.status == 404:
                        return False
                    if answer.status == 200:
                        return not all(step["done"] for step in await answer.json())
            except ClientError, TimeoutError:
                pass
            await asyncio.sleep(_PAUSE)

    async def _onboard(self) -> str:
        answer = await self.post(
            "/api/onboarding/users",
            {
                "client_id": self.client_id,
                "name": "Demo",
                "username": USER,
                "password": PASSWORD,
                "language": "en",
            },
        )
        return str(answer["auth_code"])

    async def _log_in(self, user: str = USER, password: str = PASSWORD) -> str:
        flow = await self.post(
            "/auth/login_flow",
            {
                "client_id": self.client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self.client_id,
            },
        )
        answer = await self.post(
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": self.client_id, "username": user, "password": password},
        )
        return str(answer["result"])

    async def _take_tokens(self, code: str) -> None:
        form = {
            "client_id": self.client_id,
            "grant_type": "authorization_code",
            "code": code,
        }
        async with self._session.post(f"{self.url}/auth/token", data=form) as answer:
            self._tokens = await answer.json()

    # -- REST ------------------------------------------------------------------

    async def get(self, path: str) -> Any:
        """Ask for something. Raises HomeError."""
        return await self._request("GET", path, None)

    async def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """Send something. Raises HomeError."""
        return await self._request("POST", path, data)

    async def _request(
        self, method: str, path: str, data: Mapping[str, Any] | None
    ) -> Any:
        headers = {}
        if token := self._tokens.get("access_token"):
            headers["Authorization"] = f"Bearer {token}"
        async with self._session.request(
            method,
            self.url + path,
            json=data,
            headers=headers,
            timeout=ClientTimeout(total=60),
        ) as answer:
            if answer.status >= 400:
                raise HomeError(f"{path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Call an action that answers; give its answer."""
        domain, name = action.split(".")
        answer = await self.post(f"/api/services/{domain}/{name}?return_response", data)
        return dict(answer["service_response"])

    async def press(self, action: str, entity_id: str) -> None:
        """Call an action on an entity."""
        domain, name = action.split(".")
        await self.post(f"/api/services/{domain}/{name}", {"entity_id": entity_id})

    async def state(self, entity_id: str) -> str:
        """Give the state of an entity."""
        return str((await self.get(f"/api/states/{entity_id}"))["state"])

    async def until(
        self, entity_id: str, wanted: Callable[[str], bool], patience: float
    ) -> str:
        """Wait until the state of an entity is as wanted; give it."""
        async with asyncio.timeout(patience):
            while not wanted(state := await self.state(entity_id)):
                await asyncio.sleep(_PAUSE)
        return state

    # -- websocket ---------------------------------------------------------------

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Open a websocket and log in."""
        async with self._session.ws_connect(
            f"{self.url}/api/websocket", max_msg_size=0
        ) as socket:
            await socket.receive_json()
            await socket.send_json(
                {"type": "auth", "access_token": self._tokens["access_token"]}
            )
            if (answer := await socket.receive_json())["type"] != "auth_ok":
                raise HomeError(f"log-in refused: {answer}")
            yield Connection(socket)

    async def add_user(self, name: str) -> Home:
        """Make a user who is no administrator, and give what he sees."""
        async with self.connection() as connection:
            made = await connection.command(
                "config/auth/create", name=name, group_ids=["system-users"]
            )
            await connection.command(
                "config/auth_provider/homeassistant/create",
                user_id=made["user"]["id"],
                username=name,
                password=name,
            )
        other = Home(self._session, self.url)
        await other._take_tokens(await other._log_in(name, name))
        return other

    async def remove_user(self, name: str) -> None:
        """Remove a user."""
        async with self.connection() as connection:
            for each in await connection.command("config/auth/list"):
                if each["name"] == name:
                    await connection.command("config/auth/delete", user_id=each["id"])

    async def entities(self, platform: str) -> dict[str, str]:
        """Give the entity ids of an integration by platform and key: `sensor.circuit`."""
        async with self.connection() as connection:
            registry = await connection.command("config/entity_registry/list")
        return {
            f"{entry['entity_id'].split('.')[0]}.{entry['translation_key']}": entry[
                "entity_id"
            ]
            for entry in registry
            if entry["platform"] == platform
        }
