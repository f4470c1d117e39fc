"""What came back, as it came: decoded where somebody looks."""

from __future__ import annotations

import functools
import operator
import re
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

    Of the ten or so that an answer has, two are looked at. raw: as they came, maybe with spaces around them.
    """

    __slots__ = ("raw",)

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        raw = self.raw = dict(zip(map(_name, map(_FIRST, pairs)), map(_SECOND, pairs), strict=True))
        if len(raw) < len(pairs):
            several: dict[str, list[bytes]] = {}
            for name, value in pairs:
                several.setdefault(_name(name), []).append(value.strip(b" \t"))
            self.raw = {name: b", ".join(found) for name, found in several.items()}

    def __getitem__(self, name: str) -> str:
        return self.raw[name].decode("latin-1").strip(" \t")

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: str | T | None = None) -> str | T | None:
        # As ``Mapping`` has it, in one function instead of two: the type of every answer is read.
        raw = self.raw.get(name)
        return default if raw is None else raw.decode("latin-1").strip(" \t")

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


class Answer(msgspec.Struct, frozen=True):
    """An answer: status, lower-case header names, body."""

    status: int
    headers: Headers
    body: bytes

    def json(self, decode: Callable[[bytes], Any] = _decode) -> Any:
        """The decoded body. Anything but JSON, by its content type or its bytes, is ``Malformed``.

        decode: a decoder of msgspec for what is known of the body. What does not match it is ``Malformed``
        too, of a ``msgspec.ValidationError``.
        """
        kind = self.headers.raw.get("content-type")
        if kind and b"json" not in kind:
            named = self.headers["content-type"].split(";")[0]
            raise Malformed(f"the answer is {named!r}, not JSON")
        try:
            return decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"the answer of {len(self.body)} bytes is not valid JSON") from error


_VALUE = rb"[\t -~\x80-\xff]*+"
_HEAD = re.compile(
    rb"HTTP/1\.1 200 " + _VALUE + rb"\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:" + _VALUE + rb"\r\n)*+)\r\n"
).match
_LINES = re.compile(rb"([^:]++):[ \t]*+([^\r]*+)\r\n").findall

_FRAMING = frozenset({"transfer-encoding", "upgrade"})
"""Headers by which a body may have another end than its length says."""
_KEEPS = frozenset({None, b"keep-alive", b"Keep-Alive"})


def whole_answer(data: bytes) -> Answer | None:
    """The answer that these bytes are, where it is as nearly all are: a 200 in one piece, its length said,
    and the connection kept. None for any other, well-formed or not: the parser is to look at it.

    A parser's calls for each header and part, and what is remembered between them, are a tenth of what a
    call to a system takes.
    """
    head = _HEAD(data)
    if head is None:
        return None
    headers = Headers(_LINES(head[1]))
    raw = headers.raw
    body = data[head.end() :]
    if raw.get("content-length") != b"%d" % len(body) or raw.get("connection") not in _KEEPS:
        return None
    return Answer(200, headers, body) if _FRAMING.isdisjoint(raw) else None
