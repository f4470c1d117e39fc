"""Running ASGI applications on sockets of our own, several in one process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Coroutine, Generator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.collector import settle
from gateway.heap import keep_freed, move_to_large_pages
from gateway.limits.settings import LimitSettings
from gateway.refusal import Refused
from gateway.transport.drain import Drain
from gateway.transport.frames import framed
from gateway.transport.patience import patient
from gateway.transport.room import Room

KEEP_ALIVE_S = 75
"""Idle connections are kept longer than by most balancers and clients (60 s), so that it is they who close
them: a request that met the gateway's closing would be lost."""


class PortTaken(Refused):
    """Somebody else listens there."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a program on uvloop, and on asyncio's own loop where there is no uvloop."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ``PortTaken`` where the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with contextlib.ExitStack() as undo:
            # asyncio sends small answers at once (TCP_NODELAY) only on sockets that name their protocol.
            listener = undo.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(1024)
            undo.pop_all()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "not the name of a host"
        raise PortTaken(f"cannot listen on {host}:{port}: {why}") from error
    return listener


def url_of(host: str, listener: socket.socket) -> str:
    """The URL of what is served there."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    @property
    def drain(self) -> Drain | None:
        return self.lifespan.state.get(Drain.KEY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.drain is not None:
            self.drain.begin()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        # Signals belong to the process, which may run several servers: see ``serve_all``.
        yield


def server_config(app: ASGIApp, limits: LimitSettings | None = None, **own: Any) -> uvicorn.Config:
    """How an application is served: HTTP/1.1, and WebSockets whose frames the fan-out writes.

    Pings find peers that are gone. Messages are not compressed: it would cost each socket more memory than
    all else, and keep what is encoded once from being sent to many.
    """
    limits = limits or LimitSettings()
    room = Room(limits)
    return uvicorn.Config(
        app,
        interface="asgi3",
        http=patient(limits, room),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE_S,
        ws=framed(room),
        ws_max_size=limits.message_bytes,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        ws_per_message_deflate=False,
        **own,
    )


async def serve_all(
    apps: list[tuple[ASGIApp, socket.socket]],
    *,
    ready: asyncio.Event | None = None,
    drain_s: float = 0,
    limits: LimitSettings | None = None,
) -> None:
    """Serves every app until SIGINT or SIGTERM, then lets requests under way finish, first app first.

    After SIGTERM everything is answered for ``drain_s`` seconds more, while the apps say that they are not
    ready; a second signal, or SIGINT, ends that.
    """
    settle()
    keep_freed()
    move_to_large_pages()
    servers = [_Server(server_config(app, limits)) for app, _ in apps]
    told, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(number: int) -> None:
        if told.is_set() or number == signal.SIGINT:
            stop.set()
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, tell, number)
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, (_, listener) in zip(servers, apps, strict=True)
    ]
    started = asyncio.gather(*(server.ready.wait() for server in servers))
    if ready is not None:
        started.add_done_callback(lambda all_ready: None if all_ready.cancelled() else ready.set())
    stopping = asyncio.create_task(_told_to_stop(servers, told, stop, drain_s))
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for server, task in zip(servers, tasks, strict=True):
        server.should_exit = True
        await task
    started.cancel()
    stopping.cancel()


async def _told_to_stop(
    servers: list[_Server], told: asyncio.Event, stop: asyncio.Event, drain_s: float
) -> None:
    """Returns when it is time to stop; what has to be said before is said."""
    await told.wait()
    for server in servers:
        if server.drain is not None:
            server.drain.announce()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(drain_s):
            await stop.wait()
