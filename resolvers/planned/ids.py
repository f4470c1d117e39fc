"""Global ids of many objects of one kind: encoded all at once."""

from __future__ import annotations

import binascii
import functools
import operator
from collections.abc import Callable, Sequence
from itertools import chain

from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref

_AT_ONCE = 250
"""Ids that are encoded as one text."""


def _url_safe(letters: bytes) -> str:
    # Ids seldom have either: looking for them costs less than a table does.
    return letters.replace(b"+", b"-").replace(b"/", b"_").decode()


def id_encoder(record_type: RecordType, connection: str) -> Callable[[list[str]], list[str]]:
    """``Ref.encode`` for record ids of one connection. Raises ``TypeError`` for what is no text.

    Three bytes become four letters, whatever stands beside them. Ids of one length are so encoded as one
    text, each filled up to threes with zeros, and the letters cut apart: those of the zeros alone fall off.
    """
    prefix = Ref(record_type, connection, "").plain()
    prefix_bytes = len(prefix.encode())
    encode, url_safe = binascii.b2a_base64, _url_safe

    @functools.lru_cache(8)
    def layout(length: int) -> tuple[str, Sequence[slice], Callable[[str], Sequence[str]]]:
        """The zeros behind each id of this length, where the ids stand in the letters, and what takes out
        as many as are encoded at once.
        """
        missing = -(prefix_bytes + length) % 3
        step = (prefix_bytes + length + missing) // 3 * 4
        cuts = [slice(at, at + step - missing) for at in range(0, step * _AT_ONCE, step)]
        return "\0" * missing, cuts, operator.itemgetter(*cuts)

    def encoded(record_ids: list[str]) -> list[str]:
        if len(record_ids) == 1:
            return [url_safe(encode((prefix + record_ids[0]).encode(), newline=False)).rstrip("=")]
        if len(record_ids) > _AT_ONCE:
            starts = range(0, len(record_ids), _AT_ONCE)
            return list(chain.from_iterable(encoded(record_ids[at : at + _AT_ONCE]) for at in starts))
        lengths = set(map(len, record_ids))
        if len(lengths) == 1:
            zeros, cuts, all_of_them = layout(lengths.pop())
            text = f"{prefix}{(zeros + prefix).join(record_ids)}{zeros}"
            if text.isascii():
                letters = url_safe(encode(text.encode(), newline=False))
                if len(record_ids) == _AT_ONCE:
                    return list(all_of_them(letters))
                return list(map(letters.__getitem__, cuts[: len(record_ids)]))
        return [Ref(record_type, connection, each).encode() for each in record_ids]

    return encoded
