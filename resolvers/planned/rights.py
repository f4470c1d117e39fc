"""What a viewer's rights change in a plan: equal for viewers whom one plan serves.

Most roles may read what most operations ask for, and are then served by the plan of everybody.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from cachetools import LRUCache

from resolvers.selection import Selection
from resolvers.viewer import Access, Rows, Viewer

_Restrictions = frozenset[tuple[tuple[str, str], Access]]

_KEPT = 1_000


class Rights:
    """Names rights by what they hold."""

    def __init__(self) -> None:
        # Viewers of the same rights share the mapping: it is looked at once, and held so that nothing else
        # can come to have its identity.
        self._known: LRUCache[int, tuple[Mapping[Any, Any], _Restrictions]] = LRUCache(_KEPT)

    def of(self, viewer: Viewer) -> Hashable:
        """Equal for viewers who may read the same fields, and are limited in the same ways."""
        known = self._known.get(id(viewer.restricted))
        if known is None:
            known = (viewer.restricted, frozenset(viewer.restricted.items()))
            self._known[id(viewer.restricted)] = known
        return known[1], _limits(viewer.rows)


def touched(viewer: Viewer, selected: Selection) -> Hashable:
    """What the viewer's rights change where this is selected; None where they change nothing."""
    fields = frozenset((key, access) for key, access in viewer.restricted.items() if selected.has(*key))
    limits = _limits(viewer.rows)
    return (fields, limits) if fields or limits is not None else None


def _limits(rows: Rows | None) -> Hashable:
    """By what a viewer is limited: it says what has to be read to know whose an object is."""
    return None if rows is None else (rows.portfolio is not None, rows.legal_entities is not None)
