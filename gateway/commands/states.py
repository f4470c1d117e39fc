"""The states of a command: what each means, and every move out of it. No other move is possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schema.enums import CommandStatus


@dataclass(frozen=True, slots=True)
class State:
    """``meaning``: what is known of a command in this state. ``moves``: to which state, by whom and when."""

    meaning: str
    moves: Mapping[CommandStatus, str]


STATES: Mapping[CommandStatus, State] = {
    CommandStatus.ACCEPTED: State(
        "It is durable, and nothing was sent.",
        {
            CommandStatus.RUNNING: "A worker claims it, when no earlier command of its object is unfinished.",
            CommandStatus.CANCELLED: "Somebody cancels it.",
            CommandStatus.DEAD: "A worker finds that its deadline has passed.",
        },
    ),
    CommandStatus.RUNNING: State(
        "A worker holds its lease, and may have sent it.",
        {
            CommandStatus.SUCCEEDED: "Its worker, when the system has answered that it is done.",
            CommandStatus.REJECTED: "Its worker, when the system has refused it for good.",
            CommandStatus.WAITING: "Its worker, when it is known not to be done, and can be tried again.",
            CommandStatus.UNCERTAIN: "Its worker, if the answer was lost; another, when the lease ran out.",
        },
    ),
    CommandStatus.WAITING: State(
        "It is known not to have been done, and is tried again later.",
        {
            CommandStatus.RUNNING: "A worker claims it, when its time has come.",
            CommandStatus.CANCELLED: "Somebody cancels it.",
            CommandStatus.DEAD: "A worker finds that its deadline has passed.",
        },
    ),
    CommandStatus.UNCERTAIN: State(
        "It may have been done: the system is read until that is settled.",
        {
            CommandStatus.SUCCEEDED: "A worker reads that it was done.",
            CommandStatus.WAITING: "A worker reads that it was not done.",
            CommandStatus.DEAD: "A worker, when its deadline or its attempts are over and it is not settled.",
        },
    ),
    CommandStatus.DEAD: State(
        "It was given up, and says why. It is the dead letter of its queue, and no longer holds it up.",
        {
            CommandStatus.WAITING: "Somebody replays it, where it is known not to have been done.",
            CommandStatus.UNCERTAIN: "Somebody replays it, where it may have been done.",
        },
    ),
    CommandStatus.SUCCEEDED: State("It was done, once.", {}),
    CommandStatus.REJECTED: State("The system refused it; nothing was changed.", {}),
    CommandStatus.CANCELLED: State("It was given up before it was done; nothing was changed.", {}),
}

FINISHED = frozenset(
    {CommandStatus.SUCCEEDED, CommandStatus.REJECTED, CommandStatus.CANCELLED, CommandStatus.DEAD}
)
"""States in which a command no longer holds up the later ones of its object."""

CANCELLABLE = frozenset(status for status, state in STATES.items() if CommandStatus.CANCELLED in state.moves)


class ImpossibleMove(Exception):
    """A move outside the table was tried: a fault of the program."""


def check_move(before: CommandStatus, after: CommandStatus) -> None:
    """Raises ``ImpossibleMove`` for a move that the table does not have."""
    if after not in STATES[before].moves:
        raise ImpossibleMove(f"{before.value} -> {after.value}")
