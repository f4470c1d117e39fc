"""What an answer says of itself in ``extensions``, to who asks for it and may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resolvers.context import RequestContext
from resolvers.planned.explain import Explanation, unplanned
from resolvers.viewer import EVERY_SCOPE, Viewer

PLAN_READ = "plan:read"
NO_PLAN = f"How a query was carried out takes the scope {PLAN_READ}"
NO_COUNTS = "How a query was carried out is told to those only who see every object: it counts what was read"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks to be told."""

    cost: bool
    plan: bool

    def refusal(self, viewer: Viewer) -> str | None:
        """Why the viewer may not be told; None where it may."""
        if not self.plan:
            return None
        if not viewer.scopes & {EVERY_SCOPE, PLAN_READ}:
            return NO_PLAN
        return None if viewer.rows is None else NO_COUNTS

    def told(self, context: RequestContext, points: int, maximum: int) -> dict[str, Any]:
        """The answer's extensions, of an operation that cost ``points`` of at most ``maximum``."""
        found: dict[str, Any] = {}
        if self.cost:
            found["cost"] = {"points": points, "maximum": maximum}
        trace = context.trace
        if trace is not None:
            if trace.plan is None or trace.reason is not None:
                found["plan"] = unplanned(trace.reason or "unforeseen", points)
            else:
                found["plan"] = Explanation(trace.plan, context.systems, trace).data(points)
        return found


def wanted_of(parameters: Mapping[str, Any]) -> Wanted | None:
    """What the request's own ``extensions`` ask for; None for nothing."""
    extensions: Mapping[str, Any] | None = parameters.get("extensions")
    if not extensions:
        return None
    wanted = Wanted(extensions.get("cost") is True, extensions.get("plan") is True)
    return wanted if wanted.cost or wanted.plan else None
