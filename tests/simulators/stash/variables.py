"""Checking variables as gqlgen does, in its words, before anything is executed."""

from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_input_type,
    type_from_ast,
)

type Place = tuple[str | int, ...]

# What Go calls a value of each type; numbers reach it as texts.
_GO = {str: "string", int: "string", float: "string", bool: "bool", dict: "map"}
_TAKEN: dict[str, tuple[type, ...]] = {
    "Int": (int,),
    "Float": (int, float),
    "String": (str, int, float),
    "ID": (str, int, float),
    "Boolean": (bool,),
}


class UnfitError(Exception):
    """A variable that does not fit: what is wrong, and where."""

    def __init__(self, message: str, place: Place) -> None:
        """Say what and where."""
        super().__init__(message)
        self.place = place


def checked(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the variables as they are to be used; the first that does not fit is an error."""
    found = dict(given)
    for node in operation.variable_definitions:
        kind = type_from_ast(schema, node.type)
        if not is_input_type(kind):
            raise GraphQLError("must be an input type", node)
        name = node.variable.name.value
        place: Place = ("variable", name)
        if name in given:
            found[name] = _value(kind, given[name], place)
        elif isinstance(kind, GraphQLNonNull) and node.default_value is None:
            raise UnfitError("must be defined", place)
    return found


def _value(kind: Any, value: Any, place: Place) -> Any:
    """Check one value."""
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            raise UnfitError("cannot be null", place)
        return _value(kind.of_type, value, place)
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        many = value if isinstance(value, list) else [value]
        return [
            _value(kind.of_type, each, (*place, at)) for at, each in enumerate(many)
        ]
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind, value, place)
    if isinstance(kind, GraphQLEnumType):
        if value not in kind.values:
            raise UnfitError(f"{value} is not a valid {kind.name}", place)
        return value
    assert isinstance(kind, GraphQLScalarType)
    return _scalar(kind.name, value, place)


def _object(kind: GraphQLInputObjectType, value: Any, place: Place) -> dict[str, Any]:
    """Check an input object."""
    if not isinstance(value, dict):
        raise UnfitError(
            f"must be a {kind.name}, not a {_GO.get(type(value), 'slice')}", place
        )
    for name in value:
        if name not in kind.fields:
            raise UnfitError("unknown field", (*place, name))
    found: dict[str, Any] = {}
    for name, field in kind.fields.items():
        if name in value:
            found[name] = _value(field.type, value[name], (*place, name))
        elif (
            isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined
        ):
            raise UnfitError("must be defined", (*place, name))
    return found


def _scalar(name: str, value: Any, place: Place) -> Any:
    """Check a scalar; a number will do for a text."""
    taken = _TAKEN.get(name)
    if taken is None:
        return value
    if not isinstance(value, taken) or (isinstance(value, bool) and bool not in taken):
        raise UnfitError(f"cannot use {_GO.get(type(value), 'slice')} as {name}", place)
    return str(value) if str in taken else value
