"""What came back, as it came: decoded where somebody looks."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar, overload

import msgspec

from adapters.contracts.errors import Malformed

T = TypeVar("T")

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""JSON numbers with a fraction arrive as Decimal: money never passes through a float."""


@functools.lru_cache(1_024)
def _name(raw: bytes) -> str:
    """In lower case. There are few, and they come again and again."""
    return raw.decode("latin-1").lower()


class Headers(Mapping[str, str]):
    """The headers of an answer by lower-case name. One that came more often is joined by commas.

    They are taken apart when one is looked at, which of most answers none is. lines: each with its end.
    """

    __slots__ = ("_lines", "_raw")

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._raw: dict[str, bytes] | None = None

    @classmethod
    def of(cls, pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The headers of these names and values."""
        return cls(b"".join([b"%b:%b\r\n" % pair for pair in pairs]))

    @property
    def raw(self) -> Mapping[str, bytes]:
        """As they came, without the spaces around them."""
        found = self._raw
        if found is None:
            found = self._raw = {}
            for line in self._lines.split(b"\r\n")[:-1]:
                name, _, value = line.partition(b":")
                key, value = _name(name), value.strip(b" \t")
                found[key] = b"%b, %b" % (found[key], value) if key in found else value
        return found

    def __getitem__(self, name: str) -> str:
        return self.raw[name].decode("latin-1")

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: str | T | None = None) -> str | T | None:
        raw = self.raw.get(name)
        return default if raw is None else raw.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


class Answer(msgspec.Struct, frozen=True):
    """An answer: status, lower-case header names, body.

    plain: its head was seen to speak neither against JSON nor of a content coding.
    """

    status: int
    headers: Headers
    body: bytes
    plain: bool = False

    def json(self, decode: Callable[[bytes], Any] = _decode) -> Any:
        """The decoded body. Anything but JSON, by its content type or its bytes, is ``Malformed``.

        decode: a decoder of msgspec for what is known of the body. What does not match it is ``Malformed``
        too, of a ``msgspec.ValidationError``.
        """
        if not self.plain:
            content_type = self.headers.get("content-type")
            if content_type and "json" not in content_type:
                raise Malformed(f"the answer is {content_type.split(';')[0]!r}, not JSON")
        try:
            return decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"the answer of {len(self.body)} bytes is not valid JSON") from error


_WHOLE = re.compile(
    rb"""
    HTTP/1\.1\ 200\ VALUE \r\n
    ((?:
        (?! (?i: content-(?:length|type|encoding) | transfer-encoding | connection | upgrade ) : )
        NAME : VALUE \r\n
      | (?(2) (?!) ) (?i: content-length : ) \ ? ([0-9]{1,7}+) \r\n
      | (?i: content-type : ) (VALUE) \r\n
      | (?i: connection : ) \ ? (?i: keep-alive ) \r\n
    )*+)
    \r\n
    (.*+)
    """.replace(b"NAME", rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++").replace(b"VALUE", rb"[\t -~\x80-\xff]*+"),
    re.VERBOSE | re.DOTALL,
).fullmatch
"""Its headers' lines, the one length of its body, its last content type, and its body."""


def whole_answer(data: bytes) -> Answer | None:
    """The answer that these bytes are, where it is as nearly all are: a 200 with JSON in one piece, its
    length said, and the connection kept. None for any other, well-formed or not: the parser looks at it,
    as at everything that could be too long.

    A parser's calls for each header and part, and what is remembered between them, are a tenth of what a
    call to a system takes.
    """
    found = _WHOLE(data)
    if found is None:
        return None
    lines, length, kind, body = found.groups()
    if length is None or int(length) != len(body) or (kind is not None and b"json" not in kind):
        return None
    return Answer(200, Headers(lines), body, True)
