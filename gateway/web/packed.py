"""Files compressed with gzip once, when somebody first asks for them so, and kept in memory.

They are not shipped compressed: the wheel is compressed itself, and would carry each of them twice.
"""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from gateway.transport.compression import accepts_gzip

LEAST_BYTES = 1_000
"""Of a shorter file, what is saved is not worth a header."""

LEVEL = 9
"""The work is done once, in a thread, and the answer is sent many times."""


class Packed:
    """The compressed files of one application, by path. A file that changes is compressed anew."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, asyncio.Task[bytes | None]]] = {}

    async def of(self, response: FileResponse, scope: Scope) -> Response:
        """The response with its file compressed, where its caller accepts that and it becomes shorter.

        It is another representation than the file itself, with a tag of its own. Parts of a file are of it as
        it is.
        """
        response.headers["vary"] = "accept-encoding"
        headers = Headers(scope=scope)
        accepted = ",".join(headers.getlist("accept-encoding"))
        if "range" in headers or len(accepted) > 200 or not accepts_gzip(accepted):
            return response
        tag = response.headers["etag"]
        body = await self._body(str(response.path), tag)
        if body is None:
            return response
        kept = {
            name: value
            for name, value in response.headers.items()
            if name not in {"content-length", "accept-ranges"}
        }
        kept |= {"etag": f'{tag.removesuffix(chr(34))}-gzip"', "content-encoding": "gzip"}
        return Response(body, response.status_code, kept)

    async def _body(self, path: str, tag: str) -> bytes | None:
        known, task = self._kept.get(path, ("", None))
        # What failed, as for want of memory, is tried again: it says nothing of the file.
        if task is None or known != tag or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(asyncio.to_thread(_compressed, Path(path)))
            self._kept[path] = (tag, task)
        # Shielded: whoever asked first may be gone before it is done.
        return await asyncio.shield(task)


def _compressed(file: Path) -> bytes | None:
    content = file.read_bytes()
    if len(content) < LEAST_BYTES:
        return None
    short = gzip.compress(content, LEVEL, mtime=0)
    return short if len(short) < len(content) else None
