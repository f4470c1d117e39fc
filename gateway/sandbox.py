"""The sandbox: a seeded company in emulated systems, and a gateway over them, in one process.

The gateway reaches the emulators over loopback HTTP, by the same adapters and the same configuration
that it has in production; they reach it by their webhooks. The company lives: things happen in the systems
by themselves, at a pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from adapters import registry
from adapters.emulation.emulator import Emulator
from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.life import Life
from adapters.emulation.store import open_store
from adapters.emulation.webhooks import Endpoint
from gateway.documents.settings import DocumentSettings, Introspection
from gateway.observability.settings import ObservabilitySettings
from gateway.refusal import Refused
from gateway.serving import listen, serve_all, url_of
from gateway.settings import Config, ConnectionConfig, ServerSettings
from gateway.store.settings import StateSettings

_log = structlog.get_logger(__name__)


class SandboxError(Refused):
    """The sandbox cannot start as asked."""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What the sandbox is made of; ``emulator_ports`` are by vendor, others take free ones.

    pace_s: seconds from one thing that happens by itself to the next; 0: nothing does.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8000
    seed: int = 7
    customers: int = 500
    reset: bool = False
    pace_s: float = 5.0
    emulator_ports: Mapping[str, int] | None = None


def emulators() -> list[Emulator]:
    """Every vendor's emulator."""
    return [registry.emulator(vendor) for vendor in registry.EMULATORS]


def open_world(options: SandboxOptions) -> sqlite3.Connection:
    """The emulators' store, seeded where it is new. Raises ``SandboxError`` for one made otherwise."""
    file = options.folder / "world.sqlite"
    try:
        if options.folder.exists() and any(options.folder.iterdir()) and not file.exists():
            # Not made by a sandbox: a reset must never empty somebody's home.
            raise SandboxError(f"{options.folder} holds other files; a sandbox needs a folder of its own")
        if options.reset:
            shutil.rmtree(options.folder, ignore_errors=True)
        options.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"{options.folder}: {error.strerror}") from error
    try:
        store = open_store(file)
        store.execute("CREATE TABLE IF NOT EXISTS sandbox (seed INTEGER, customers INTEGER)")
        made = store.execute("SELECT seed, customers FROM sandbox").fetchone()
    except sqlite3.DatabaseError as error:
        raise SandboxError(f"{file} cannot be used ({error}); --reset makes it anew") from error
    if made is None:
        # A store that was left half seeded has tables but no line here: begin again.
        store.close()
        for leftover in options.folder.glob("world.sqlite*"):
            leftover.unlink()
        store = open_store(file)
        world = generate(seed=options.seed, customers=options.customers)
        for emulator in emulators():
            emulator.seed(store, world)
        store.execute("CREATE TABLE sandbox (seed INTEGER, customers INTEGER)")
        store.execute("INSERT INTO sandbox VALUES (?, ?)", (options.seed, options.customers))
    elif tuple(made) != (options.seed, options.customers):
        store.close()
        raise SandboxError(
            f"{options.folder} holds a sandbox of {made['customers']} customers made with seed "
            f"{made['seed']}; --reset makes it anew"
        )
    return store


def configuration(
    base_urls: Mapping[str, str],
    options: SandboxOptions,
    further: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """The gateway's configuration over emulators at these base URLs, with further settings, by vendor."""
    return Config(
        server=ServerSettings(host=options.host, port=options.port),
        state=StateSettings(folder=options.folder),
        documents=DocumentSettings(introspection=Introspection.EVERYONE),
        # Its terminal is for what it announces.
        observability=ObservabilitySettings(access_log=False),
        connections=tuple(
            ConnectionConfig(
                name=emulator.vendor,
                system=emulator.system,
                adapter=emulator.vendor,
                settings=registry.manifest(emulator.vendor).settings.model_validate(
                    {
                        **emulator.settings(base_urls[emulator.vendor]),
                        **(further or {}).get(emulator.vendor, {}),
                    }
                ),
            )
            for emulator in emulators()
        ),
    )


async def run_sandbox(options: SandboxOptions, announce: Callable[[str, Mapping[str, str]], None]) -> None:
    """Runs until it is told to stop. ``announce`` gets the gateway's URL and the emulators' by vendor."""
    front = listen(options.host, options.port)
    store = await asyncio.to_thread(open_world, options)

    # Here, where nothing is left that refuses to start: they load the whole gateway.
    from gateway.app import create_app
    from gateway.compose import compose

    ports = options.emulator_ports or {}
    sockets = {each.vendor: listen("127.0.0.1", ports.get(each.vendor, 0)) for each in emulators()}
    urls = {vendor: url_of("127.0.0.1", each) for vendor, each in sockets.items()}
    systems = {each.vendor: each.serve(store) for each in emulators()}
    gateway_url = url_of(options.host, front)
    ready = asyncio.Event()

    async def begin() -> None:
        await ready.wait()
        async with _living(systems, store, gateway_url, options):
            announce(gateway_url, urls)
            await asyncio.Event().wait()

    async with contextlib.AsyncExitStack() as leaving:
        leaving.callback(store.close)
        further = {
            each.vendor: await leaving.enter_async_context(each.beside(store))
            for each in emulators()
            if each.beside is not None
        }
        parts = await compose(configuration(urls, options, further), development=True)
        beginning = asyncio.create_task(begin())
        try:
            await serve_all(
                [
                    (create_app(parts), front),
                    *((app, sockets[vendor]) for vendor, app in systems.items()),
                ],
                ready=ready,
            )
        finally:
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)


@contextlib.asynccontextmanager
async def _living(
    systems: Mapping[str, Misbehaving], store: sqlite3.Connection, gateway_url: str, options: SandboxOptions
) -> AsyncGenerator[None]:
    """Webhooks go out, and things happen, as long as this is entered."""
    deliverers = {vendor: app.webhooks for vendor, app in systems.items() if app.webhooks is not None}
    for vendor, deliverer in deliverers.items():
        deliverer.send_to(Endpoint(f"{gateway_url}/webhooks/{vendor}"))
    living: list[asyncio.Task[None]] = []
    if options.pace_s > 0:
        happenings = [(each.vendor, happening) for each in emulators() for happening in each.life]
        task = asyncio.create_task(Life(store, happenings, options.seed).run(options.pace_s))
        task.add_done_callback(_say_why)
        living.append(task)
    try:
        yield
    finally:
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)
        for deliverer in deliverers.values():
            await deliverer.stop()


def _say_why(life: asyncio.Task[None]) -> None:
    if not life.cancelled() and (error := life.exception()) is not None:
        _log.error("the sandbox stands still", exc_info=error)
