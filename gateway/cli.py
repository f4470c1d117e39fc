"""The ``fieldgate`` command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway import __version__
from gateway.cli_lazy import LazyGroup
from gateway.collector import collect_seldom
from gateway.refusal import Refused

if TYPE_CHECKING:
    from adapters.contracts.adapter import Adapter, Finding
    from gateway.settings import Config

app = typer.Typer(
    name="fieldgate",
    cls=LazyGroup,
    help="One GraphQL API over the systems of record of a subscription business.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
schema_app = typer.Typer(help="The public schema.", no_args_is_help=True)
app.add_typer(schema_app, name="schema")

_out = Console(highlight=False, soft_wrap=True)

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
OptionalConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file, for its overrides.")
]

SAMPLE_QUERY = (
    "{ customers(first: 1) { nodes { name receivables { balance { amount currency } } "
    "subscriptions(first: 3) { nodes { plan { code } status } } } } }"
)


CHECK_TIMEOUT_S = 20
TABLE_WIDTH = 400


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Where the gateway listens.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The gateway's port; 0 takes a free one.")
    ] = 8000,
    seed: Annotated[int, typer.Option(help="Makes the company: the same seed, the same company.")] = 7,
    customers: Annotated[int, typer.Option(min=40, max=20_000, help="How many customers it has.")] = 500,
    state: Annotated[Path, typer.Option(help="The sandbox's own folder.")] = Path(".fieldgate/sandbox"),
    reset: Annotated[bool, typer.Option("--reset", help="Empties the folder first.")] = False,
    pace: Annotated[
        float,
        typer.Option(
            min=0,
            max=86_400,
            help="Seconds between the things that happen by themselves; 0 for a company at rest.",
        ),
    ] = 5,
    emulator_port: Annotated[
        list[str] | None, typer.Option(help="VENDOR=PORT; vendors not named take a free port.")
    ] = None,
) -> None:
    """Runs a seeded company in emulated systems, and the gateway over them."""
    emulator_ports = _emulator_ports(emulator_port or [])

    from gateway.sandbox import SandboxOptions, run_sandbox
    from gateway.serving import run

    options = SandboxOptions(
        folder=state,
        host=host,
        port=port,
        seed=seed,
        customers=customers,
        reset=reset,
        pace_s=pace,
        emulator_ports=emulator_ports,
    )

    def announce(url: str, systems: Mapping[str, str]) -> None:
        _out.print(f"\n[bold]Fieldgate[/bold] is at [bold]{url}/graphql[/bold], its playground at {url}/\n")
        for vendor, base_url in systems.items():
            _out.print(f"  {vendor:<12} {base_url}")
        _out.print(
            f"\nTry:\n  curl -s {url}/graphql -H 'content-type: application/json' "
            f'-d \'{{"query": "{SAMPLE_QUERY}"}}\'\n\nCtrl-C ends it.'
        )

    run(run_sandbox(options, announce))


@app.command()
def serve(
    config: ConfigFile = Path("fieldgate.yaml"),
    host: Annotated[str | None, typer.Option(help="Instead of the configuration's server.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Instead of server.port.")] = None,
) -> None:
    """Runs the gateway over the configured systems."""
    settings = _load(config)

    from gateway.serving import run

    run(_serve(settings, host or settings.server.host, settings.server.port if port is None else port))


_NOBODY = (
    "nobody could call: name an identity provider under auth.issuers, or set auth.api_keys to true and make "
    "a key with `fieldgate keys create`"
)


async def _serve(config: Config, host: str, port: int) -> None:
    if not config.auth.configured:
        raise Refused(config.fault(("auth",), _NOBODY))

    from gateway.serving import listen, serve_all, url_of

    listener = listen(host, port)

    from gateway.app import create_app
    from gateway.compose import compose

    parts = await compose(config)
    ready = asyncio.Event()

    async def announce() -> None:
        await ready.wait()
        _out.print(f"Fieldgate is at {url_of(host, listener)}/graphql")

    announcing = asyncio.create_task(announce())
    try:
        await serve_all(
            [(create_app(parts), listener)],
            ready=ready,
            drain_s=config.server.drain_s,
            limits=config.limits,
        )
    finally:
        announcing.cancel()


@schema_app.command("print")
def schema_print(config: OptionalConfigFile = None) -> None:
    """Prints the schema as SDL, with the owners as configured."""
    from gateway.policy.engine import Policy
    from resolvers.graph import build_graph, sdl
    from resolvers.mutations.mutation import WRITES
    from schema.ownership import declared_ownership

    ownership, policy = declared_ownership(mutations=WRITES), Policy()
    if config is not None:
        from gateway.connect import connect, ownership_of, policy_of

        settings = _load(config)
        ownership = ownership_of(settings, connect(settings))
        policy = policy_of(settings)
    sys.stdout.write(sdl(build_graph(), ownership, policy.reads, policy.mutations))


@app.command()
def ownership(config: OptionalConfigFile = None) -> None:
    """Prints who owns what: fields, systems, vendors, mutations."""
    from gateway.connect import connect, ownership_of
    from resolvers.mutations.mutation import WRITES
    from schema.ownership import declared_ownership

    owned, systems = declared_ownership(mutations=WRITES), None
    if config is not None:
        settings = _load(config)
        systems = connect(settings)
        owned = ownership_of(settings, systems)
    table = Table("Field", "System", "Vendor", "Written by", box=None, pad_edge=False)
    for entry in owned:
        system = entry.system.value
        if entry.derived_from:
            system = f"derived from {', '.join(each.value for each in entry.derived_from)}"
        vendor = (systems.adapter_of(entry.system) if systems is not None else None) or ""
        written = ", ".join(owned.mutations_of(entry)) or ("(writable)" if entry.writable else "")
        table.add_row(entry.key, system, vendor, written)
    # Natural width: a pipe has no width of its own, and half a name helps nobody.
    Console(width=TABLE_WIDTH, highlight=False).print(table)


@app.command()
def doctor(config: ConfigFile = Path("fieldgate.yaml")) -> None:
    """Reaches every configured system and issuer, checks credentials and permissions, says what is wrong."""
    if not asyncio.run(_doctor(_load(config))):
        raise typer.Exit(1)


async def _doctor(config: Config) -> bool:
    from gateway.auth.checkup import check_auth
    from gateway.commands.compose import database_as_it_is
    from gateway.connect import connect, ownership_of, policy_of

    systems, policy = connect(config), policy_of(config)
    well = True
    try:
        ownership_of(config, systems)
        *checks, auth = await asyncio.gather(
            *(_checked(each) for each in systems.adapters().values()),
            check_auth(config.auth, policy.roles, lambda: database_as_it_is(config.state)),
        )
        for name, findings in zip((*systems.adapters(), "auth"), (*checks, auth), strict=True):
            for finding in findings:
                well &= finding.ok
                mark = "[green]ok  [/green]" if finding.ok else "[red]FAIL[/red]"
                detail = " ".join(finding.detail.split())
                _out.print(f"{mark} {escape(f'{name}: {finding.check}: {detail}')}")
    finally:
        await systems.aclose()
    return well


async def _checked(adapter: Adapter) -> list[Finding]:
    from adapters.contracts.adapter import Finding

    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await adapter.check()
    except TimeoutError:
        return [Finding("check", False, f"no answer within {CHECK_TIMEOUT_S} s")]
    except Exception as error:  # noqa: BLE001 - one system's rubbish must not hide what is said of the others
        return [Finding("check", False, f"the answer was not understood ({type(error).__name__})")]


@app.command()
def version() -> None:
    """Prints the version."""
    _out.print(__version__)


def _load(config: Path) -> Config:
    from gateway.settings import load_config

    return load_config(config, os.environ)


def _emulator_ports(given: list[str]) -> dict[str, int]:
    from adapters import registry

    ports: dict[str, int] = {}
    for each in given:
        vendor, _, port = each.partition("=")
        if vendor not in registry.EMULATORS or not port.isdigit() or not 0 < int(port) < 65536:
            raise Refused(f"--emulator-port {each}: VENDOR=PORT, with one of {', '.join(registry.EMULATORS)}")
        ports[vendor] = int(port)
    return ports


def main() -> None:
    """Runs the command line: a mistake of configuration is one line, and exit code 2, never a traceback."""
    collect_seldom()
    from gateway.log import configure_log

    configure_log()
    try:
        app()
    except Refused as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
