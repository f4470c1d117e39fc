"""A webhook endpoint: keeps what it hears, and refuses what it is told to."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Heard:
    """One delivery: lower-case header names, raw body."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """The ASGI app. It runs in the server's thread; ``wait_for`` is for the test's."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.refusals = 0
        self._changed = threading.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        with self._changed:
            refused = self.refusals > 0
            self.refusals -= refused
            self.heard.append(Heard(request.url.path, dict(request.headers), body))
            self._changed.notify_all()
        await Response(status_code=503 if refused else 204)(scope, receive, send)

    def wait_for(self, deliveries: int, timeout_s: float = 20) -> list[Heard]:
        """What was heard, once it is so much."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= deliveries, timeout_s), len(self.heard)
            return list(self.heard)
