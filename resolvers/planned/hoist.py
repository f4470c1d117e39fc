"""Fewer rounds: what descendants need, fetched along with an ancestor's own relations."""

from __future__ import annotations

from resolvers.planned.plan import Hoist, ObjectPlan
from resolvers.ports import Systems
from resolvers.selection import Selection


def hoisted(
    root: ObjectPlan, selected: Selection, systems: Systems, first_index: int
) -> tuple[tuple[Hoist, ...], int]:
    """Chooses the hoists of a plan."""
    return (), first_index
