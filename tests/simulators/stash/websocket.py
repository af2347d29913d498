"""Subscriptions: ``graphql-transport-ws``, and the older ``graphql-ws``."""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web
from graphql import FieldNode, OperationType

from .api import StashApi

_OLD, _NEW = "graphql-ws", "graphql-transport-ws"
_KEEP_ALIVE = 10.0


def _chosen(request: web.Request) -> str:
    """Return the protocol: where a client offers both, the older wins."""
    offered = [
        each.strip()
        for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    ]
    return _NEW if _NEW in offered and _OLD not in offered else _OLD


class Socket:
    """One websocket and its subscriptions."""

    def __init__(self, api: StashApi, request: web.Request, base_url: str) -> None:
        """Prepare to talk."""
        self._api = api
        self._request = request
        self._base_url = base_url
        self._old = _chosen(request) == _OLD
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.response = web.WebSocketResponse(protocols=(_OLD if self._old else _NEW,))

    async def run(self) -> web.WebSocketResponse:
        """Talk until one side hangs up."""
        await self.response.prepare(self._request)
        try:
            async for message in self.response:
                if message.type is WSMsgType.TEXT and not await self._handle(
                    json.loads(message.data)
                ):
                    break
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self.response.close()
        return self.response

    async def _send(
        self, kind: str, key: str | None = None, payload: Any = None
    ) -> None:
        """Send a message of the protocol."""
        message = {"type": kind, "id": key, "payload": payload}
        await self.response.send_str(
            json.dumps(
                {name: value for name, value in message.items() if value is not None}
            )
        )

    async def _handle(self, message: dict[str, Any]) -> bool:
        """Act on a message; return False to hang up."""
        match message["type"]:
            case "connection_init":
                await self._send("connection_ack")
                if self._old:
                    self._tasks[""] = asyncio.create_task(self._keep_alive())
            case "ping":
                await self._send("pong")
            case "subscribe" | "start":
                key = str(message["id"])
                self._tasks[key] = asyncio.create_task(
                    self._answer(key, message["payload"])
                )
            case "complete" | "stop":
                if task := self._tasks.pop(str(message["id"]), None):
                    task.cancel()
            case "connection_terminate":
                return False
        return True

    async def _keep_alive(self) -> None:
        """Say that we are still there; only the older protocol does."""
        while True:
            await self._send("ka")
            await asyncio.sleep(_KEEP_ALIVE)

    async def _answer(self, key: str, payload: dict[str, Any]) -> None:
        """Answer one operation: once, or for a subscription whenever there is news."""
        query, variables, name = (
            payload["query"],
            payload.get("variables"),
            payload.get("operationName"),
        )
        data = "data" if self._old else "next"
        operation = self._api.operation(query, name)
        if operation is None:
            errors = self._api.execute(query, variables, name).body["errors"]
            await self._send("error", key, errors)
            return
        if operation.operation is not OperationType.SUBSCRIPTION:
            await self._send(
                data,
                key,
                self._api.execute(query, variables, name, base_url=self._base_url).body,
            )
        else:
            (root,) = operation.selection_set.selections
            assert isinstance(root, FieldNode)
            with self._api.jobs.listen(root.name.value) as news:
                while True:
                    answer = self._api.execute(
                        query, variables, name, payload=await news.get()
                    )
                    await self._send(data, key, answer.body)
        await self._send("complete", key)
