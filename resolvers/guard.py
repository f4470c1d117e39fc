"""Policy at the fields: a refused field is not resolved, a masked one is resolved and veiled.

Every resolver of the schema is wrapped once. For a viewer without restrictions that is one look at a flag.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.utils.str_converters import to_snake_case

from resolvers.errors import forbidden
from resolvers.masks import masked
from resolvers.mutations.outcome import Mistake, refusal
from resolvers.viewer import Access, Viewer
from schema.payloads import UserErrorCode

Resolve = Callable[..., Any]


def guard(schema: GraphQLSchema) -> None:
    """Wraps the resolvers of all fields."""
    for graph_type in schema.type_map.values():
        if not isinstance(graph_type, GraphQLObjectType) or graph_type.name.startswith("__"):
            continue
        for name, field in graph_type.fields.items():
            if graph_type is schema.mutation_type:
                field.resolve = _mutation(name, _resolver(field.resolve))
                continue
            key = (graph_type.name, to_snake_case(name))
            if graph_type is schema.subscription_type:
                field.subscribe = guarded_read(key, _resolver(field.subscribe))
            else:
                field.resolve = guarded_read(key, _resolver(field.resolve))


def _resolver(resolve: Resolve | None) -> Resolve:
    assert resolve is not None, "Strawberry gives every field a resolver"
    return resolve


def guarded_read(key: tuple[str, str], resolve: Resolve) -> Resolve:
    """A resolver that asks the viewer first."""

    def guarded(source: Any, info: Any, **arguments: Any) -> Any:
        viewer: Viewer = info.context.viewer
        restricted = viewer.restricted
        if restricted:
            access = restricted.get(key)
            if access is Access.FORBIDDEN:
                raise forbidden(f"{info.parent_type.name}.{info.field_name}")
            if access is Access.MASKED:
                value = resolve(source, info, **arguments)
                return _veiled(value) if isawaitable(value) else masked(value)
        return resolve(source, info, **arguments)

    return guarded


async def _veiled(value: Awaitable[Any]) -> Any:
    return masked(await value)


def _mutation(name: str, resolve: Resolve) -> Resolve:
    def guarded(source: Any, info: Any, **arguments: Any) -> Any:
        viewer: Viewer = info.context.viewer
        if not viewer.may(name):
            return refusal(Mistake(UserErrorCode.FORBIDDEN, f"{name}: not for this caller"))
        return resolve(source, info, **arguments)

    return guarded
