"""The head of a request, gone through once for all who look into it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Scope

_KEY = "fieldgate.head"


def head_of(scope: Scope) -> Mapping[bytes, bytes]:
    """Header values by lower-case name. Of a header that came more often it is the last one."""
    found = scope.get(_KEY)
    if found is None:
        found = scope[_KEY] = dict(scope["headers"])
    return found


def all_of(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header, in the order in which they came."""
    head = head_of(scope)
    if name not in head:
        return []
    if len(head) == len(scope["headers"]):
        return [head[name]]
    return [value for own, value in scope["headers"] if own == name]
