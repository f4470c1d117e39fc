"""Whether a plan may answer a viewer: only where policy decides on nothing that is selected.

A plan knows no viewers. What policy refuses, masks or leaves out is the plain executor's to answer.
"""

from __future__ import annotations

from resolvers.selection import Selection
from resolvers.viewer import Viewer

_BY_WHAT_IS_FOUND = (
    ("Query", "node"),
    ("Query", "nodes"),
    ("BusinessEvent", "subject"),
    ("Command", "target"),
    ("Customer", "records"),
)
"""Fields of which only what is found says whether the viewer may know of it."""


def is_open(viewer: Viewer, selected: Selection) -> bool:
    """Whether the viewer is answered just as one who sees everything."""
    if viewer.rows is not None:
        return False
    if not viewer.restricted:
        return True
    return not any(selected.has(*key) for key in (*_BY_WHAT_IS_FOUND, *viewer.restricted))
