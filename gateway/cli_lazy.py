"""Commands that are imported when they are asked for: imports are most of the time that a command takes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

ELSEWHERE = {
    "audit": "gateway.cli_commands:audit",
    "commands": "gateway.cli_commands:commands_app",
    "events": "gateway.cli_events:events_app",
    "explain": "gateway.cli_explain:explain",
    "keys": "gateway.cli_access:keys_app",
    "policy": "gateway.cli_access:policy_app",
}
"""Name of a command, or of a group of them -> where it is."""


class LazyGroup(TyperGroup):
    """The commands that are registered with it, and those of ``ELSEWHERE``."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in ELSEWHERE and cmd_name not in self.commands:
            self.commands[cmd_name] = _loaded(cmd_name)
        return self.commands.get(cmd_name)


def _loaded(name: str) -> Any:
    module, _, attribute = ELSEWHERE[name].partition(":")
    found: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command()(found)
        command = get_command(alone)
    command.name = name
    return command
