"""Operations that are left to the plain executor, counted by why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

REASONS: Mapping[str, str] = {
    "mutation": "It writes: its effects come one after the other, as GraphQL demands.",
    "introspection": "It asks for the schema itself, which the plain executor answers from memory.",
    "ownership": "A field of a subscription, an invoice or a payment is configured to another owner.",
    "unforeseen": "The planner did not foresee it. The log has the place.",
}
"""Why an operation is not planned."""


class Fallbacks:
    """How many operations were left to the plain executor, by reason; and how many were planned.

    interpreted: of the planned, how many were assembled value by value though there was code for them.
    told:        is told of each reason, for a metric.
    """

    def __init__(self, told: Callable[[str], None] | None = None) -> None:
        self._told = told
        self.planned = 0
        self.interpreted = 0
        self.by_reason: Counter[str] = Counter()

    def count(self, reason: str) -> None:
        reason = reason if reason in REASONS else "unforeseen"
        self.by_reason[reason] += 1
        if self._told is not None:
            self._told(reason)
