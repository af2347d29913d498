"""GraphQL without HTTP: parse, validate, execute, and the form of Stash's answers."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from .base import StashError
from .core import StashCore
from .execution import Row, RowContext
from .jobs import Jobs
from .loader import Loader
from .mutations import MUTATIONS
from .resolvers import QUERIES, Call, resolve_root
from .schema import minor_of, schema_of

_REMEMBERED = 1000
_FUNCTIONS = {"Query": QUERIES, "Mutation": MUTATIONS}


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


def _refusal(error: GraphQLError, code: str) -> Row:
    """Write an error found before execution as gqlgen does, which quotes with double quotes."""
    shown: Row = {"message": error.message.replace("'", '"')}
    if error.locations:
        shown["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    return shown | {"extensions": {"code": code}}


def _failure(error: GraphQLError) -> Row:
    """Write the error of a resolver."""
    cause = error.original_error
    if cause is not None and not isinstance(cause, (StashError, GraphQLError)):
        # A mistake in the simulator must not pass for an answer of Stash.
        raise cause
    below = cause.below if isinstance(cause, StashError) else ()
    return {"message": error.message, "path": [*(error.path or ()), *below]}


def _resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """Answer a root field; a subscription's payload is its own answer."""
    functions = _FUNCTIONS.get(info.parent_type.name)
    return source if functions is None else resolve_root(functions, info, arguments)


class StashApi:
    """Stash's GraphQL interface in one version; usable without a server."""

    def __init__(
        self, core: StashCore, version: str = "0.30.1", jobs: Jobs | None = None
    ) -> None:
        """Serve a core's state as that version does."""
        self.core = core
        self.jobs = jobs or Jobs(core.now)
        self.minor = minor_of(version)
        self.schema = schema_of(self.minor)
        # What the query ``version`` says; None is what builds of one's own say.
        self.version_text: str | None = f"v{version.removeprefix('v')}"
        # OK, NEEDS_MIGRATION or SETUP.
        self.status = "OK"
        self._checked: dict[str, Checked] = {}

    def check(self, query: str) -> Checked:
        """Parse and validate a query once."""
        if (known := self._checked.get(query)) is not None:
            return known
        if len(self._checked) >= _REMEMBERED:
            self._checked.clear()
        checked = self._check(query)
        self._checked[query] = checked
        return checked

    def _check(self, query: str) -> Checked:
        """Parse and validate a query."""
        try:
            document = parse(query, no_location=False)
        except GraphQLSyntaxError as err:
            return Checked(None, (_refusal(err, "GRAPHQL_PARSE_FAILED"),))
        if errors := validate(self.schema, document):
            return Checked(
                None,
                tuple(_refusal(err, "GRAPHQL_VALIDATION_FAILED") for err in errors),
            )
        return Checked(document)

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
        checked = self.check(query)
        if checked.document is None:
            return Answer({"errors": list(checked.errors), "data": None}, refused=True)
        loader = Loader(self.core, self.minor, base_url, api_key)
        scene = self.schema.type_map["Scene"]
        assert isinstance(scene, GraphQLObjectType)
        call = Call(
            self.core,
            self.jobs,
            loader,
            self.minor,
            self.version_text,
            self.status,
            scene,
        )
        result = execute_sync(
            self.schema,
            checked.document,
            payload,
            call,
            variables,
            operation_name or None,
            field_resolver=_resolve,
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
            refusals = [
                _refusal(error, "GRAPHQL_VALIDATION_FAILED") for error in result.errors
            ]
            return Answer({"errors": refusals, "data": None}, refused=True)
        return Answer(
            {
                "errors": [_failure(error) for error in result.errors] + partial,
                "data": result.data,
            }
        )
