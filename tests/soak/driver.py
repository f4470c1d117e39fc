"""Gateways that die at a chosen instant: ``python -m tests.soak.driver``.

Imports the product once and forks a process for each gateway, so that a restart takes a moment. Speaks JSON
lines: told ``{"start": tag, "config": file}`` it answers ``{"tag", "pid", "url"}`` when that gateway serves,
and ``{"ended": pid, "status": …}`` when it is gone (minus the signal that ended it). ``POST /_soak/kill`` at
a gateway with ``{"boundary", "nth"}`` makes it kill itself there.

Every gateway is the real one: composed from a configuration file, with ``on_boundary`` as its one addition.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters import registry
from gateway.app import create_app
from gateway.collector import collect_seldom, settle
from gateway.commands.boundaries import Boundary
from gateway.compose import compose
from gateway.log import configure_log
from gateway.serving import listen, run, serve_all, url_of
from gateway.settings import load_config


class Fuse:
    """Ends this process, as by a power cut, when a boundary is reached for the n-th time."""

    def __init__(self) -> None:
        self._boundary: Boundary | None = None
        self._left = 0

    def arm(self, boundary: Boundary, nth: int) -> None:
        self._boundary, self._left = boundary, nth

    def reached(self, boundary: Boundary, _command_id: str) -> None:
        if boundary is not self._boundary:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def _serve(order: Mapping[str, Any], parent_gone: int) -> None:
    fuse = Fuse()

    async def arm(request: Request) -> Response:
        asked = await request.json()
        fuse.arm(Boundary(asked["boundary"]), asked["nth"])
        return JSONResponse({})

    parts = await compose(
        load_config(Path(order["config"]), os.environ), on_boundary=fuse.reached, development=True
    )
    app = create_app(parts)
    app.add_route("/_soak/kill", arm, methods=["POST"])
    front = listen("127.0.0.1", 0)
    ready = asyncio.Event()

    async def tell() -> None:
        await ready.wait()
        _say({"tag": order["start"], "pid": os.getpid(), "url": url_of("127.0.0.1", front)})

    asyncio.get_running_loop().add_reader(parent_gone, os._exit, 1)
    telling = asyncio.create_task(tell())
    await serve_all([(app, front)], ready=ready)
    await telling


def _say(message: Mapping[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def _bury(_signal: int, _frame: object) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _import_all() -> None:
    """What a gateway imports when it first needs it, so that none has to do so itself."""
    for vendor in registry.EMULATORS:
        registry.manifest(vendor)
    for module in (
        "aiosqlite",
        "alembic.command",
        "asyncpg",
        "httptools",
        "uvicorn.protocols.http.httptools_impl",
        "uvloop",
    ):
        import_module(module)


def main() -> None:
    collect_seldom()
    _import_all()
    settle()
    # Nobody writes to this pipe: its reading end tells a gateway that the process it came from is gone.
    parent_gone, alive = os.pipe()
    signal.signal(signal.SIGCHLD, _bury)
    for line in iter(sys.stdin.buffer.readline, b""):
        order = json.loads(line)
        if os.fork() != 0:
            continue
        os.close(alive)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        status = 1
        try:
            configure_log()
            run(_serve(order, parent_gone))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)


if __name__ == "__main__":
    main()
