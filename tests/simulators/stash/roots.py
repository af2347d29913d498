"""The root fields: which function answers which, and when none may."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo

from .execution import Row, wanted
from .mutations import MUTATIONS, WRITING
from .resolvers import QUERIES, Call
from .status import STATUS_QUERIES
from .task_mutations import PROGRAM_MUTATIONS

_FUNCTIONS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": QUERIES | STATUS_QUERIES,
    "Mutation": MUTATIONS,
}
_WITHOUT_DATABASE = STATUS_QUERIES.keys() | PROGRAM_MUTATIONS.keys()


def resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """Answer a root field; a subscription's payload is its own answer."""
    functions = _FUNCTIONS.get(info.parent_type.name)
    if functions is None:
        return source
    call: Call = info.context
    name = info.field_name
    if name not in _WITHOUT_DATABASE:
        call.check_database()
    if name in WRITING:
        call.check_lock()
    return _answer(functions[name], call, info, arguments)


def _answer(
    function: Callable[..., Any], call: Call, info: GraphQLResolveInfo, arguments: Row
) -> Any:
    """Answer with a function; what went wrong below gets the whole path."""
    before = len(call.errors)
    answer = function(call, wanted(info), **arguments)
    for number, (below_field, message) in enumerate(call.errors[before:], before):
        call.errors[number] = (*info.path.as_list(), *below_field), message
    return answer
