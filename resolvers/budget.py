"""How much one operation may read and answer: counted as it happens, whoever executes."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from graphql import GraphQLError


class AnswerBudget:
    """Of one operation.

    objects: how many the lists of its answer have so far.
    records: how many were read for it from the systems.
    spent:   whether it was broken off because it read too many.
    """

    __slots__ = ("_maximum", "_stop", "_too_many", "objects", "records", "spent")

    def __init__(
        self, maximum: int, too_many: Callable[[int], GraphQLError], stop: Callable[[], None]
    ) -> None:
        self.objects = self.records = 0
        self.spent = False
        self._maximum = maximum
        self._too_many = too_many
        self._stop = stop

    def count(self, objects: int) -> None:
        """For a list of the answer. Raises what ``too_many`` makes of the number once it is too high."""
        self.objects += objects
        if self.objects > self._maximum:
            raise self._too_many(self.objects)

    def take(self, objects: int) -> bool:
        """Counts the objects of a whole answer, if they are not too many."""
        if self.objects + objects > self._maximum:
            return False
        self.objects += objects
        return True

    def read(self, records: int) -> None:
        """For what a system gave. Nothing is raised: once it is too much, the operation is stopped."""
        self.records += records
        if self.records > self._maximum and not self.spent:
            self.spent = True
            self._stop()


answer_budget: ContextVar[AnswerBudget | None] = ContextVar("fieldgate_answer_budget", default=None)
"""That of the operation under way. Events of streams have none: each is an answer of its own, and small."""
