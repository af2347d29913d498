"""GraphQL over HTTP as gqlgen does it: where the query stands, which status, which media type."""

from dataclasses import dataclass, field
import json
from typing import Any

from aiohttp import web
from graphql import FieldNode

from .api import Answer, StashApi

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
_FIRST_RESPONSE_JSON = 29


@dataclass(slots=True)
class GraphQLRequest:
    """What a client asked, or why it cannot be read."""

    query: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    operation: str = ""
    problem: str = ""

    def root_fields(self, api: StashApi) -> tuple[str, ...]:
        """Return the names of the root fields, if the query is valid."""
        operation = api.operation(self.query, self.operation)
        if operation is None:
            return ()
        return tuple(
            node.name.value
            for node in operation.selection_set.selections
            if isinstance(node, FieldNode)
        )

    def name(self, api: StashApi) -> str:
        """Return the operation's name, if it has one."""
        operation = api.operation(self.query, self.operation)
        return (
            operation.name.value
            if operation is not None and operation.name
            else self.operation
        )


async def read_request(request: web.Request) -> GraphQLRequest:
    """Read the query off the URL or out of the body."""
    if request.method == "GET":
        try:
            variables = json.loads(request.query.get("variables") or "{}")
        except ValueError:
            return GraphQLRequest(problem="variables could not be decoded")
        return GraphQLRequest(
            request.query.get("query", ""),
            variables,
            request.query.get("operationName", ""),
        )
    if request.content_type != JSON:
        return GraphQLRequest(problem="transport not supported")
    try:
        body = json.loads(await request.read())
        return GraphQLRequest(
            body["query"], body.get("variables") or {}, body.get("operationName") or ""
        )
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        return GraphQLRequest(problem=f"json request body could not be decoded: {err}")


def media_type(accept: str | None, minor: int) -> str:
    """Return the media type of the answer; from 0.29 on only who asks for JSON gets it."""
    if minor < _FIRST_RESPONSE_JSON:
        return JSON
    for part in (accept or "").split(","):
        kind = part.split(";")[0].strip()
        if kind == JSON:
            return JSON
        if kind in ("*/*", "application/*", RESPONSE_JSON):
            return RESPONSE_JSON
    return RESPONSE_JSON


def respond(answer: Answer, kind: str) -> web.Response:
    """Send an answer; a query that was refused is 422, or 400 in the newer media type."""
    status = (400 if kind == RESPONSE_JSON else 422) if answer.refused else 200
    return web.Response(
        status=status, body=json.dumps(answer.body).encode(), content_type=kind
    )


def problem(message: str, status: int = 400, kind: str = JSON) -> web.Response:
    """Send an error of the transport itself."""
    body = {"errors": [{"message": message}], "data": None}
    return web.Response(
        status=status, body=json.dumps(body).encode(), content_type=kind
    )
