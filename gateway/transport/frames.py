"""WebSocket frames written straight to the transport.

ASGI has one way to send, an awaited call per message and socket that frames the message each time. With one
event for thousands of sockets that is most of the cost, so uvicorn's protocol is given a second way: text
that is framed by whoever has it, written at once, with the transport's own back-pressure. Opening, pings,
closing and everything that is received stay uvicorn's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.transport.drain import reconnect_after_ms
from gateway.transport.room import Room

EXTENSION = "fieldgate.frames"
"""Its name among the scope's extensions."""

CLOSE_S = 5.0
"""A peer that does not answer a close by then, or reads nothing, is cut off."""

SERVICE_RESTART = 1012

_MAX_REASON_BYTES = 123


def text_frame(data: bytes) -> bytes:
    """An unmasked text frame (RFC 6455, 5.2)."""
    size = len(data)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + data
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, and what ``EXTENSION`` gives to the application."""

    on_writable: Callable[[], None] | None = None
    on_shutdown: Callable[[str], None] | None = None
    """Told why, and ends the socket in its own time; without it the socket is ended at once."""

    room: Room | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.room is not None:
            self.room.leave(self.transport)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[index]

    @property
    def congested(self) -> bool:
        """Whether the peer reads more slowly than it is written to."""
        return not self.writable.is_set()

    def write_text(self, data: bytes) -> None:
        """One text message. Nothing happens on a socket that is closing."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(text_frame(data))

    def end(self, code: int, reason: str) -> None:
        """Closes, once what was written has been read; a peer that reads nothing is cut off."""
        if self.close_sent or not self.handshake_complete or self.transport.is_closing():
            return
        short = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        self.stop_keepalive()
        self.conn.send_close(code, short)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": short})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def shutdown(self) -> None:
        """The server ends: clients are told to come back, each after a time of its own."""
        if self.handshake_complete and not self.close_sent:
            reason = f"Service restart: reconnect after {reconnect_after_ms()} ms"
            if self.on_shutdown is not None:
                self.on_shutdown(reason)
            else:
                self.end(SERVICE_RESTART, reason)
        else:
            super().shutdown()


def framed(room: Room) -> type[FrameProtocol]:
    """The protocol of sockets that leave a room when they end."""
    return type("FrameProtocol", (FrameProtocol,), {"room": room})
