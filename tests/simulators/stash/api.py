"""GraphQL without HTTP: parse, validate, execute, and the form of Stash's answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
    visit,
)

from .base import StashError
from .core import StashCore
from .execution import Row, RowContext
from .instance import Instance
from .jobs import Jobs
from .loader import Loader
from .resolvers import Call, asked_alone
from .roots import resolve
from .schema import database_schema, minor_of, schema_of
from .variables import UnfitError, checked as checked_variables

_INVALID = "GRAPHQL_VALIDATION_FAILED"


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL answer. ``refused`` says that nothing was executed: the query itself was wrong."""

    body: Row
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that was parsed and validated, or the errors."""

    document: DocumentNode | None
    errors: tuple[Row, ...] = ()


class _Finder(Visitor):
    """Finds the field that an argument belongs to."""

    def __init__(self, argument: Node) -> None:
        """Look for that argument."""
        super().__init__()
        self.argument = argument
        self.field: FieldNode | None = None

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Look at one field."""
        if self.argument in node.arguments:
            self.field = node


def _field_of(document: DocumentNode, error: GraphQLError) -> Node | None:
    """Return the field an error about an argument points at."""
    (argument,) = error.nodes or (None,)
    if argument is None:
        return None
    finder = _Finder(argument)
    visit(document, finder)
    return finder.field or argument


def _refusal(error: GraphQLError, code: str, known: DocumentNode | None = None) -> Row:
    """Write an error found before execution as gqlgen does, which quotes with double quotes."""
    message = error.message.replace("'", '"')
    shown: Row = {"message": message}
    if code == "GRAPHQL_PARSE_FAILED":
        shown["message"] = message.removeprefix("Syntax Error: ").removesuffix(".")
    if message.startswith("Unknown argument") and known is not None:
        error = GraphQLError(message, _field_of(known, error))
    if error.locations:
        shown["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    return shown | {"extensions": {"code": code}}


def refused(message: str, place: Sequence[str | int] = ()) -> Answer:
    """Refuse a request before anything is executed."""
    error: Row = {"message": message}
    if place:
        error["path"] = list(place)
    error["extensions"] = {"code": _INVALID}
    return Answer({"errors": [error], "data": None}, refused=True)


def _failure(error: GraphQLError) -> Row:
    """Write the error of a resolver."""
    cause = error.original_error
    if cause is not None and not isinstance(cause, (StashError, GraphQLError)):
        # A mistake in the simulator must not pass for an answer of Stash.
        raise cause
    below = cause.below if isinstance(cause, StashError) else ()
    return {"message": error.message, "path": [*(error.path or ()), *below]}


@lru_cache(1000)
def _check(schema: GraphQLSchema, query: str) -> Checked:
    """Parse and validate a query, once for all simulators of a version."""
    try:
        document = parse(query, no_location=False)
    except GraphQLSyntaxError as err:
        return Checked(None, (_refusal(err, "GRAPHQL_PARSE_FAILED"),))
    if errors := validate(schema, document):
        return Checked(None, tuple(_refusal(err, _INVALID, document) for err in errors))
    return Checked(document)


class StashApi:
    """Stash's GraphQL interface in one version; usable without a server."""

    def __init__(
        self,
        core: StashCore,
        version: str = "0.30.1",
        jobs: Jobs | None = None,
        instance: Instance | None = None,
        lacks: Iterable[str] = (),
    ) -> None:
        """Serve a core's state as that version does; without fields that it ``lacks``."""
        self.core = core
        self.jobs = jobs or Jobs(core.now)
        self.minor = minor_of(version)
        self.schema = schema_of(self.minor, frozenset(lacks))
        # What the query ``version`` says; None is what builds of one's own say.
        self.version_text: str | None = f"v{version.removeprefix('v')}"
        self.database_schema = database_schema(version)
        self.instance = instance or Instance()

    def check(self, query: str) -> Checked:
        """Parse and validate a query."""
        return _check(self.schema, query)

    def operation(
        self, query: str, name: str | None = None
    ) -> OperationDefinitionNode | None:
        """Return the operation a request asks for, if the query is valid."""
        document = self.check(query).document
        return get_operation_ast(document, name or None) if document else None

    def is_mutation(self, query: str, name: str | None = None) -> bool:
        """Tell whether a request would change something."""
        operation = self.operation(query, name)
        return operation is not None and operation.operation is OperationType.MUTATION

    def execute(
        self,
        query: str,
        variables: Row | None = None,
        operation_name: str | None = None,
        *,
        base_url: str = "",
        api_key: str | None = None,
        payload: Any = None,
    ) -> Answer:
        """Answer one request; ``payload`` is what a subscription has to tell."""
        if not query:
            return refused("no operation provided")
        known = self.check(query)
        if known.document is None:
            return Answer({"errors": list(known.errors), "data": None}, refused=True)
        operation = self.operation(query, operation_name)
        if operation is None:
            return refused(f"operation {operation_name or ''} not found")
        try:
            variables = checked_variables(self.schema, operation, variables or {})
        except UnfitError as err:
            return refused(str(err), err.place)
        loader = Loader(self.core, self.minor, base_url, api_key)
        scene = self.schema.type_map["Scene"]
        assert isinstance(scene, GraphQLObjectType)
        call = Call(
            self.core,
            self.jobs,
            loader,
            self.minor,
            self.version_text,
            self.database_schema,
            self.instance,
            scene,
            asked_alone(operation, variables),
        )
        result = execute_sync(
            self.schema,
            known.document,
            payload,
            call,
            variables,
            operation_name or None,
            field_resolver=resolve,
            execution_context_class=RowContext,
        )
        return self._answer(result, call)

    @staticmethod
    def _answer(result: ExecutionResult, call: Call) -> Answer:
        """Put a result into gqlgen's form: errors first, and no key for none."""
        partial = [
            {"message": message, "path": list(place)} for place, message in call.errors
        ]
        if not result.errors:
            body = {"data": result.data}
            return Answer({"errors": partial} | body if partial else body)
        if result.data is None and all(error.path is None for error in result.errors):
            # Only what fails before any resolver runs has no path: variables, or the operation's name.
            refusals = [_refusal(error, _INVALID) for error in result.errors]
            return Answer({"errors": refusals, "data": None}, refused=True)
        return Answer(
            {
                "errors": [_failure(error) for error in result.errors] + partial,
                "data": result.data,
            }
        )
