"""Answers compressed with gzip, for callers who accept it (RFC 9110, 12.5.3)."""

from __future__ import annotations

import asyncio
import functools
import zlib

from starlette.responses import Response
from starlette.types import Scope

LEVEL = 1
"""JSON shrinks to a tenth at once; what more work would gain is little."""

ASIDE_BYTES = 200_000
"""A longer answer is compressed in a thread: it would keep all others waiting."""

_GZIP = 31  # zlib's way to say: with gzip's header


@functools.lru_cache(maxsize=256)
def accepts_gzip(header: str) -> bool:
    """Whether an ``Accept-Encoding`` allows gzip: named, or by ``*``, and not with a weight of 0."""
    weights: dict[str, bool] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        weight = parameters.replace(" ", "").removeprefix("q=")
        weights[name.strip()] = weight.strip("0.") != "" if parameters else True
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


async def compress(response: Response, scope: Scope) -> None:
    """Compresses the response where its caller accepts that, and it becomes shorter."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    if not accepted or len(accepted) > 200 or not accepts_gzip(accepted.decode("latin-1")):
        return
    body = bytes(response.body)
    short = await asyncio.to_thread(_gzip, body) if len(body) > ASIDE_BYTES else _gzip(body)
    if len(short) < len(body):
        response.body = short
        response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(short))


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()
