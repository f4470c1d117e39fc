"""What one planned request asked of its systems, kept only where the caller wants to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.contracts.vocabulary import RecordType

if TYPE_CHECKING:
    from resolvers.planned.plan import Plan


PAGE = "page"
"""Stands for the key of a load that reads a list from its beginning, or from a cursor."""


@dataclass(slots=True, eq=False)
class Traced:
    """One load. ``key``: ``id``, a link, or ``PAGE``; ``rows``: None where it failed or was broken off."""

    round: int
    connection: str
    type: RecordType
    key: str
    keys: int
    fields: frozenset[str]
    rows: int | None = None


@dataclass(slots=True)
class Trace:
    """The loads of a request, in the order in which they began.

    plan:   None where the plain executor answered; ``reason`` says why, in a word of ``fallback.REASONS``.
    by_code: whether generated code assembled the answer.
    """

    plan: Plan | None = None
    reason: str | None = None
    by_code: bool = False
    loads: list[Traced] = field(default_factory=list[Traced])
