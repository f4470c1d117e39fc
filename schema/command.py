"""Command: a write, from the moment it was accepted."""

from __future__ import annotations

from datetime import datetime

import strawberry

from adapters.contracts.vocabulary import System
from schema.directives import personal
from schema.enums import CommandStatus
from schema.node import Node
from schema.values import PageInfo


@strawberry.type(description="One try at carrying out a command.")
class CommandAttempt:
    number: int = strawberry.field(description="1 for the first.")
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    outcome: str | None = strawberry.field(description="How it ended.")
    error: str | None = strawberry.field(description="What went wrong, when something did.")


@strawberry.type(description="A write, from the moment it was accepted: durable, retried, and never lost.")
class Command(Node):
    kind: str = strawberry.field(description="The mutation that asked for it.")
    status: CommandStatus = strawberry.field(description="How far it has come.")
    system: System = strawberry.field(description="The system it writes.")
    target: Node | None = strawberry.field(description="The object it writes.")
    idempotency_key: str = strawberry.field(description="The caller's key, or the one made for it.")
    requested_by: str | None = personal("Who asked.")
    requested_at: datetime = strawberry.field(description="When it was accepted.")
    deadline: datetime | None = strawberry.field(description="When it will be given up.")
    finished_at: datetime | None = strawberry.field(description="When it reached its outcome.")
    next_attempt_at: datetime | None = strawberry.field(description="When it is tried next.")
    attempts: list[CommandAttempt] = strawberry.field(description="Every try, first to last.")
    correlation_id: str = strawberry.field(description="The request it came with.")


@strawberry.type(description="A command and its place in the list.")
class CommandEdge:
    cursor: str = strawberry.field(description="Give it as `after` to continue behind this edge.")
    node: Command = strawberry.field(description="The command.")


@strawberry.type(description="A page of commands.")
class CommandConnection:
    edges: list[CommandEdge] = strawberry.field(description="The commands with their cursors.")
    nodes: list[Command] = strawberry.field(description="The commands.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
