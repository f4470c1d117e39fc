"""``fieldgate keys`` and ``fieldgate policy``: who may call, and what they may read and write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from gateway.refusal import Refused
from gateway.settings import load_config
from resolvers.ids import BadId, decode_id

if TYPE_CHECKING:
    from gateway.auth.key_store import KeyStore
    from gateway.policy.engine import Policy

keys_app = typer.Typer(help="API keys of services: create, list, revoke.", no_args_is_help=True)
policy_app = typer.Typer(help="Who may read and write what.", no_args_is_help=True)

T = TypeVar("T")

TABLE_WIDTH = 200

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
OptionalConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file, for its own policy.")
]
_DEFAULT_CONFIG = Path("fieldgate.yaml")


@keys_app.command("create")
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    role: Annotated[list[str], typer.Option(help="A role of its bearer; may be given again.")],
    config: ConfigFile = _DEFAULT_CONFIG,
    days: Annotated[int, typer.Option(min=0, max=3650, help="Days until it expires; 0: it does not.")] = 365,
    customer: Annotated[str | None, typer.Option(help="Binds it to a customer, by its global id.")] = None,
    legal_entity: Annotated[
        list[str] | None, typer.Option(help="Binds it to a legal entity; may be given again.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Its bearer's e-mail address, for a portfolio.")] = None,
) -> None:
    """Makes a key and prints it, this once: only its hash is kept."""
    from gateway.auth.key_store import NewKey

    policy = _policy(config)
    unknown = [each for each in role if each not in policy.roles]
    if unknown:
        raise Refused(f"--role {unknown[0]}: there is no such role; there are {', '.join(policy.roles)}")
    if not 0 < len(name) <= 64 or not name.isprintable():
        raise Refused("--name: 1 to 64 printable characters")
    if customer is not None:
        try:
            decode_id(customer)
        except BadId:
            raise Refused("--customer: not an id of this graph") from None
    expires_at = None if days == 0 else datetime.now(UTC) + timedelta(days=days)
    entities = None if legal_entity is None else tuple(legal_entity)
    new = NewKey(name, tuple(role), expires_at, email, customer, entities)
    print(_run(config, lambda store: store.create(new)))


@keys_app.command("list")
def list_keys(config: ConfigFile = _DEFAULT_CONFIG) -> None:
    """Lists the keys, by what may be shown of them."""
    table = Table("Id", "Key", "Name", "Roles", "Created", "Expires", "Revoked", box=None, pad_edge=False)
    for key in _run(config, lambda store: store.all()):
        times = (_time(key.created_at), _time(key.expires_at), _time(key.revoked_at))
        table.add_row(key.id, key.shown, key.name, " ".join(key.roles), *times)
    Console(width=TABLE_WIDTH, highlight=False).print(table)


@keys_app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as listed.")],
    config: ConfigFile = _DEFAULT_CONFIG,
) -> None:
    """Takes a key back, at once: the next request with it is refused, and its streams end."""
    if not _run(config, lambda store: store.revoke(key_id)):
        raise Refused(f"{key_id}: there is no such key, or it was revoked before")
    print(f"{key_id} is revoked")


@policy_app.command("explain")
def explain(
    role: Annotated[str, typer.Option("--as", help="The role to explain.")],
    config: OptionalConfigFile = None,
) -> None:
    """Prints what a role may read, field by field, what it may ask for, and whose objects it sees."""
    from gateway.policy.engine import Policy

    policy = Policy() if config is None else _policy(config)
    found = policy.roles.get(role)
    if found is None:
        raise Refused(f"--as {role}: there is no such role; there are {', '.join(policy.roles)}")
    print(f"{role}: {found.settings.description}")
    print(f"scopes: {' '.join(sorted(found.scopes)) or 'none'}")
    limits = [name for name, value in found.settings.rows.model_dump().items() if value]
    print(f"rows: {', '.join(limits) or 'all'}\n")
    table = Table("Field or mutation", "Answer", "Takes", box=None, pad_edge=False)
    for key, access, needed in policy.explained(role):
        table.add_row(key, access, needed)
    Console(width=TABLE_WIDTH, highlight=False).print(table)


def _policy(config: Path) -> Policy:
    from gateway.connect import policy_of

    return policy_of(load_config(config, os.environ))


def _run(config: Path, work: Callable[[KeyStore], Awaitable[T]]) -> T:
    return asyncio.run(_on_store(config, work))


async def _on_store(config: Path, work: Callable[[KeyStore], Awaitable[T]]) -> T:
    from gateway.auth.key_store import KeyStore
    from gateway.commands.compose import open_database

    database = await open_database(load_config(config, os.environ).state)
    try:
        return await work(KeyStore(database))
    finally:
        await database.aclose()


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}Z"
