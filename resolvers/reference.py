"""Ids that callers give, as references to objects of this gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.contracts.vocabulary import ANCHORS, RecordType
from resolvers.errors import bad_user_input
from resolvers.ids import BadId, Ref, decode_id

if TYPE_CHECKING:
    from resolvers.context import RequestContext


def reference(context: RequestContext, text: str, expected: RecordType | None, where: str = "id") -> Ref:
    """The object that an id names. BAD_USER_INPUT, with the place, for what is no such id here."""
    try:
        ref = decode_id(text)
    except BadId:
        raise bad_user_input(f"{where}: not an id of this graph") from None
    if expected is not None and ref.type is not expected:
        raise bad_user_input(wrong_type(where, ref.type, expected))
    if ref.connection not in context.systems.connections(ANCHORS[ref.type], ref.type):
        raise bad_user_input(f"{where}: the id names a connection that is not configured here")
    return ref


def wrong_type(where: str, given: RecordType, expected: RecordType) -> str:
    """What is said of an id that names another type of object than the place takes."""
    return f"{where}: the id of {_one(given)}, not of {_one(expected)}"


def _one(record_type: RecordType) -> str:
    name = record_type.value
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
