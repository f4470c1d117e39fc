"""Content codings: what was packed on the way, within a bound on what comes out."""

from __future__ import annotations

import zlib

from adapters.contracts.errors import Malformed

ACCEPTED = "gzip, deflate"
"""Always said: some servers label their answers as gzip where nothing was said of it."""

_GZIP = 16 + zlib.MAX_WBITS


def decoded(body: bytes, codings: str, limit: int) -> bytes:
    """The body without its codings, of which the last was applied last.

    Raises ``Malformed`` where it is not so coded, and where it would be longer than ``limit`` bytes.
    """
    for coding in reversed(codings.lower().split(",")):
        match coding.strip():
            case "" | "identity":
                continue
            case "gzip" | "x-gzip":
                body = _inflated(body, _GZIP, limit)
            case "deflate":
                # Some send the bare stream where RFC 9110, 8.4.1.2 means the one with a header.
                wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
                body = _inflated(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, limit)
            case _:
                raise Malformed("the answer's content encoding is none that was asked for")
    return body


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while body:
        packed = zlib.decompressobj(window)
        try:
            part = packed.decompress(body, left + 1)
        except zlib.error as error:
            raise Malformed("the answer's content encoding is broken") from error
        left -= len(part)
        if left < 0:
            raise Malformed(f"the answer is longer than {limit} bytes")
        if not packed.eof:
            raise Malformed("the answer's content encoding is broken: its end is missing")
        parts.append(part)
        # gzip may have several members (RFC 1952, 2.2).
        body = packed.unused_data if window == _GZIP else b""
    return parts[0] if len(parts) == 1 else b"".join(parts)
