"""The instants in a command's life that something outside can look at: tracing, and tests that kill there."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Boundary(Enum):
    """Instants between two durable or outside effects of a command."""

    BEFORE_ACCEPT = "before_accept"
    AFTER_ACCEPT = "after_accept"
    BEFORE_SEND = "before_send"
    AFTER_ANSWER = "after_answer"
    BEFORE_SETTLE = "before_settle"
    AFTER_SETTLE = "after_settle"
    AFTER_RECORD = "after_record"


Observer = Callable[[Boundary, str], None]
"""Called with the boundary and the command's id. What it raises ends the task that got there."""


def unobserved(boundary: Boundary, command_id: str) -> None:
    """The default observer."""
