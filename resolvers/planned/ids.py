"""Global ids of many objects of one kind: encoded all at once."""

from __future__ import annotations

import binascii
import functools
from collections.abc import Callable, Sequence
from itertools import chain

from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref

_URL_SAFE = bytes.maketrans(b"+/", b"-_")

_AT_ONCE = 1_000
"""Ids that are encoded as one text."""


def id_encoder(record_type: RecordType, connection: str) -> Callable[[list[str]], list[str]]:
    """``Ref.encode`` for record ids of one connection. Raises ``TypeError`` for what is no text.

    Three bytes become four letters, whatever stands beside them. Ids of one length are so encoded as one
    text, each filled up to threes with zeros, and the letters cut apart: those of the zeros alone fall off.
    """
    prefix = Ref(record_type, connection, "").plain()
    prefix_bytes = len(prefix.encode())
    encode, table = binascii.b2a_base64, _URL_SAFE

    @functools.lru_cache(8)
    def layout(length: int) -> tuple[str, Sequence[slice]]:
        """The zeros behind each id of this length, and where the ids stand in the letters."""
        missing = -(prefix_bytes + length) % 3
        step = (prefix_bytes + length + missing) // 3 * 4
        return "\0" * missing, [slice(at, at + step - missing) for at in range(0, step * _AT_ONCE, step)]

    def encoded(record_ids: list[str]) -> list[str]:
        if len(record_ids) == 1:
            text = encode((prefix + record_ids[0]).encode(), newline=False).translate(table)
            return [text.rstrip(b"=").decode()]
        if len(record_ids) > _AT_ONCE:
            starts = range(0, len(record_ids), _AT_ONCE)
            return list(chain.from_iterable(encoded(record_ids[at : at + _AT_ONCE]) for at in starts))
        lengths = set(map(len, record_ids))
        if len(lengths) == 1:
            zeros, cuts = layout(lengths.pop())
            text = f"{prefix}{(zeros + prefix).join(record_ids)}{zeros}"
            if text.isascii():
                letters = encode(text.encode(), newline=False).translate(table).decode()
                return list(map(letters.__getitem__, cuts[: len(record_ids)]))
        return [Ref(record_type, connection, each).encode() for each in record_ids]

    return encoded
