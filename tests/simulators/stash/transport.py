"""GraphQL over HTTP as gqlgen does it: where the query stands, which status, which media type."""

from dataclasses import dataclass, field
import json
from typing import Any

from aiohttp import web
from graphql import FieldNode

from .api import Answer, StashApi

JSON = "application/json"
NOT_SUPPORTED = "transport not supported"
NO_STORE = {"Cache-Control": "no-store"}
RESPONSE_JSON = "application/graphql-response+json"
_FIRST_RESPONSE_JSON = 29


@dataclass(slots=True)
class GraphQLRequest:
    """What a client asked, or why it cannot be read."""

    query: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    operation: str = ""
    problem: str = ""
    # With which status and media type a problem is told.
    status: int = 400
    kind: str = ""

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


_BAD_BODY = "json request body could not be decoded: "
_NO_POINTER = "Internal system error. Error <runtime error: invalid memory address or nil pointer dereference>"


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
    if request.method != "POST" or request.content_type != JSON:
        return GraphQLRequest(problem=NOT_SUPPORTED, kind="text/plain")
    return _read_body(await request.text())


def _read_body(text: str) -> GraphQLRequest:
    """Read a query out of a body; what is wrong with it is said as Go says it."""
    try:
        body = json.loads(text)
    except ValueError:
        stripped = text.lstrip()
        if not stripped:
            why = "EOF"
        else:
            why = f"invalid character '{stripped[0]}' looking for beginning of value"
        return GraphQLRequest(problem=f"{_BAD_BODY}{why} body:{text}")
    if body is None:
        return GraphQLRequest(problem=_NO_POINTER, status=422)
    if not isinstance(body, dict):
        why = f"json: cannot unmarshal {_go(body)} into Go value of type graphql.RawParams"
        return GraphQLRequest(problem=f"{_BAD_BODY}{why} body:{text}")
    variables = body.get("variables")
    if not isinstance(variables, dict | None):
        why = (
            f"json: cannot unmarshal {_go(variables)} into Go struct field RawParams.variables"
            " of type map[string]interface {}"
        )
        return GraphQLRequest(problem=f"{_BAD_BODY}{why} body:{text}")
    return GraphQLRequest(
        str(body.get("query") or ""),
        variables or {},
        str(body.get("operationName") or ""),
    )


def _go(value: object) -> str:
    """Return what Go's reader of JSON calls a value."""
    names = {list: "array", str: "string", bool: "bool", dict: "object"}
    return names.get(type(value), "number")


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
        status=status,
        body=json.dumps(answer.body).encode(),
        content_type=kind,
        headers=NO_STORE,
    )


def problem(message: str, status: int = 400, kind: str = JSON) -> web.Response:
    """Send an error of the transport itself."""
    body = {"errors": [{"message": message}], "data": None}
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        content_type=kind,
        headers=NO_STORE,
    )
