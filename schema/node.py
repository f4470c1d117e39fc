"""The Node interface: objects with a globally unique, opaque id."""

from __future__ import annotations

from typing import Any

import strawberry


@strawberry.interface(description="An object with a globally unique, opaque id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Globally unique and opaque.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Any) -> bool:
        """Objects of the graph name their type in ``graph_type``; they are not instances of these classes."""
        return getattr(obj, "graph_type", None) == cls.__name__
