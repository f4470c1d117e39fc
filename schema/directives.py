"""The directives of the contract, and the helpers that put a field under its authority.

Ownership is declared once, beside the field: ``owned(System.CRM, …)`` for a field of one system's
record, ``derived(…)`` for one the gateway computes, ``edge(…)`` for a relation with arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, cast

import strawberry
from strawberry.schema_directive import Location

from adapters.contracts.vocabulary import System


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The system that is the record for this field. `writable` fields have a mutation; no other "
    "field has one.",
)
class Authority:
    system: System
    writable: bool = False


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The field is computed by the gateway from the named systems; it is nobody's record.",
)
class Derived:
    from_: list[System] = strawberry.directive_field(name="from")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The field tells of a person: it is masked for who may not see it, and kept out of logs.",
)
class Personal:
    pass


PERSONAL = Personal()


class Follows(Protocol):
    """What a request's context offers to the graph: following a relation from an object."""

    def follow(
        self, source: Any, field: str, arguments: dict[str, Any], info: strawberry.Info[Any, Any]
    ) -> Any: ...


def owned(system: System, description: str, *, writable: bool = False, personal: bool = False) -> Any:
    """A field of the system's record."""
    directives: list[object] = [Authority(system=system, writable=writable)]
    return strawberry.field(
        description=description, directives=[*directives, *([PERSONAL] if personal else [])]
    )


def personal(description: str) -> Any:
    """A text about a person, as part of a value."""
    return strawberry.field(description=description, directives=[PERSONAL])


def derived(systems: list[System], description: str) -> Any:
    """A field the gateway computes from several records."""
    return strawberry.field(description=description, directives=[Derived(from_=systems)])


def edge(system: System, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A relation with arguments. The decorated function is its signature; its body is never run."""

    def declare(signature: Callable[..., Any]) -> Any:
        name = signature.__name__

        @functools.wraps(signature)
        def follow(self: Any, info: strawberry.Info[Any, Any], **arguments: Any) -> Any:
            given = {key: value for key, value in arguments.items() if value is not strawberry.UNSET}
            return cast(Follows, info.context).follow(self, name, given, info)

        return strawberry.field(
            resolver=follow, description=description, directives=[Authority(system=system, writable=False)]
        )

    return declare
