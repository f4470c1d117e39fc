"""What came back, as it came: decoded where somebody looks."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar, overload

import msgspec

from adapters.contracts.errors import Malformed

T = TypeVar("T")

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""JSON numbers with a fraction arrive as Decimal: money never passes through a float."""


_FIRST, _SECOND = operator.itemgetter(0), operator.itemgetter(1)


@functools.lru_cache(1_024)
def _name(raw: bytes) -> str:
    """In lower case. There are few, and they come again and again."""
    return raw.decode("latin-1").lower()


class Headers(Mapping[str, str]):
    """The headers of an answer by lower-case name. One that came more often is joined by commas.

    Of the ten or so that an answer has, two are looked at.
    """

    __slots__ = ("_raw",)

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        raw = self._raw = dict(zip(map(_name, map(_FIRST, pairs)), map(_SECOND, pairs), strict=True))
        if len(raw) < len(pairs):
            several: dict[str, list[bytes]] = {}
            for name, value in pairs:
                several.setdefault(_name(name), []).append(value.strip(b" \t"))
            self._raw = {name: b", ".join(found) for name, found in several.items()}

    def __getitem__(self, name: str) -> str:
        return self._raw[name].decode("latin-1").strip(" \t")

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: str | T | None = None) -> str | T | None:
        # As ``Mapping`` has it, in one function instead of two: the type of every answer is read.
        raw = self._raw.get(name)
        return default if raw is None else raw.decode("latin-1").strip(" \t")

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class Answer(msgspec.Struct, frozen=True):
    """An answer: status, lower-case header names, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, decode: Callable[[bytes], Any] = _decode) -> Any:
        """The decoded body. Anything but JSON, by its content type or its bytes, is ``Malformed``.

        decode: a decoder of msgspec for what is known of the body. What does not match it is ``Malformed``
        too, of a ``msgspec.ValidationError``.
        """
        content_type = self.headers.get("content-type")
        if content_type and "json" not in content_type:
            raise Malformed(f"the answer is {content_type.split(';')[0]!r}, not JSON")
        try:
            return decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"the answer of {len(self.body)} bytes is not valid JSON") from error
