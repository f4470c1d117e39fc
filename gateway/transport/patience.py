"""HTTP/1.1 with an end to patience: uvicorn's protocol waits for slow peers for ever, and bounds no head.

A request that arrives whole in one piece, as nearly all do, arms no timer.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.limits.settings import LimitSettings
from gateway.transport.correlation import HEADER
from gateway.transport.errors import request_error
from resolvers.errors import Code


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol within ``limits``; see ``patient``."""

    limits = LimitSettings()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stage = "head"
        self._armed = ""
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._refused = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        in_head = self._stage != "body"
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self or not self._stage:
            self._disarm()
        else:
            self._head_bytes = self._head_bytes + len(data) if in_head and self._stage == "head" else 0
            if self._head_bytes > self.limits.head_bytes:
                self._too_long()
            elif self._armed != self._stage:
                self._arm()

    def on_message_begin(self) -> None:
        self._stage = "head"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stage = "body"
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value) + 4
        if size > self.limits.head_bytes:
            self._too_long()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._stage = ""
        if not self._refused:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        if not self._refused:
            super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.limits.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """For what is no HTTP. What was refused already is not refused twice."""
        if not self._refused:
            self._refuse(400, msg)

    def _arm(self) -> None:
        self._disarm()
        self._armed = self._stage
        seconds = self.limits.head_s if self._stage == "head" else self.limits.body_s
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        self._armed = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _under_way(self) -> RequestResponseCycle | None:
        """The last request's; none before the first."""
        return self.cycle

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        cycle = self._under_way
        if self._stage == "body" and cycle is not None and cycle.response_started:
            # It was answered before it had come to its end.
            self.transport.close()
            return
        seconds = self.limits.head_s if self._stage == "head" else self.limits.body_s
        self._refuse(408, f"The {self._stage} of the request did not arrive within {seconds:g} s")

    def _too_long(self) -> None:
        self._refuse(431, f"The head of the request is longer than {self.limits.head_bytes} bytes")

    def _refuse(self, status: int, message: str) -> None:
        """Answers beside the application, which never saw the request, or learns that its peer is gone."""
        self._refused = True
        correlation_id = uuid.uuid4().hex
        error = request_error(Code.BAD_USER_INPUT, message, correlation_id)
        body = orjson.dumps({"errors": [error]})
        head = (
            f"content-type: application/json; charset=utf-8\r\n{HEADER}: {correlation_id}\r\n"
            f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self._disarm()
        cycle = self._under_way
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def patient(limits: LimitSettings) -> type[PatientProtocol]:
    """The protocol with these limits: uvicorn makes the instances, and passes it nothing of ours."""
    return type("PatientProtocol", (PatientProtocol,), {"limits": limits})
