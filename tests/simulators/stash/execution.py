"""Executing a query fast: graphql-core for the roots, plain loops for the rows below them.

graphql-core spends some ten microseconds on every field of every row; a page of
a thousand scenes would take seconds. Rows are finished dictionaries here, so all
that is left to do is to pick the fields that were asked for.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    ExecutionContext,
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path

type Row = dict[str, Any]
type Want = dict[str, Want]


class Step(NamedTuple):
    """How to answer one field of a row."""

    key: str
    name: str
    arguments: dict[str, Any] | None
    steps: tuple[Step, ...] | None
    constant: str | None


class RowContext(ExecutionContext):
    """An execution that takes rows as they are."""

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_nodes: list[FieldNode],
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
    ) -> Any:
        """Pick what was asked for out of a row."""
        if not isinstance(result, dict):
            return super().complete_object_value(
                return_type, field_nodes, info, path, result
            )
        return _project(self._plan(return_type, field_nodes), result)

    def _plan(
        self, kind: GraphQLObjectType, nodes: list[FieldNode]
    ) -> tuple[Step, ...]:
        """Work out once what a selection asks of each row."""
        plans: dict[tuple[str, tuple[int, ...]], tuple[Step, ...]] = (
            self.__dict__.setdefault("_plans", {})
        )
        key = (kind.name, tuple(id(node) for node in nodes))
        if key not in plans:
            plans[key] = tuple(
                self._step(kind, response, selected)
                for response, selected in self.collect_subfields(kind, nodes).items()
            )
        return plans[key]

    def _step(
        self, kind: GraphQLObjectType, response: str, nodes: list[FieldNode]
    ) -> Step:
        """Work out one field."""
        name = nodes[0].name.value
        if name == "__typename":
            return Step(response, name, None, None, kind.name)
        definition = kind.fields[name]
        arguments = None
        if definition.args:
            arguments = get_argument_values(definition, nodes[0], self.variable_values)
        named = get_named_type(definition.type)
        steps = (
            self._plan(named, nodes) if isinstance(named, GraphQLObjectType) else None
        )
        return Step(response, name, arguments, steps, None)


def _project(steps: tuple[Step, ...], row: Row) -> Row:
    """Answer one row. A field that depends on its arguments holds a function."""
    answer: Row = {}
    for key, name, arguments, below, constant in steps:
        if constant is not None:
            answer[key] = constant
            continue
        value = row[name]
        if arguments is not None and callable(value):
            value = value(**arguments)
        if below is not None and value is not None:
            value = (
                [_project(below, each) for each in value]
                if isinstance(value, list)
                else _project(below, value)
            )
        answer[key] = value
    return answer


def wanted(info: GraphQLResolveInfo) -> Want:
    """Return the names of the fields asked for below a root, as a tree."""
    tree: Want = {}
    for node in info.field_nodes:
        if node.selection_set:
            _collect(info, node.selection_set, tree)
    return tree


def _collect(info: GraphQLResolveInfo, selection: SelectionSetNode, tree: Want) -> None:
    """Add what a selection names; whether a directive skips it makes no difference to loading."""
    for node in selection.selections:
        if isinstance(node, FieldNode):
            below = tree.setdefault(node.name.value, {})
            if node.selection_set:
                _collect(info, node.selection_set, below)
        elif isinstance(node, InlineFragmentNode):
            _collect(info, node.selection_set, tree)
        elif isinstance(node, FragmentSpreadNode):
            _collect(info, info.fragments[node.name.value].selection_set, tree)


def below(want: Mapping[str, Want], *path: str) -> Want | None:
    """Return what is wanted at a place in the tree, or None if nothing is."""
    place: Mapping[str, Want] = want
    for name in path:
        if name not in place:
            return None
        place = place[name]
    return dict(place)
