"""What the API says of itself: who owns what, and how each system answers."""

from __future__ import annotations

from datetime import datetime

import strawberry

from adapters.contracts.vocabulary import CircuitState, HealthStatus, System


@strawberry.type(description="Who owns a field, and the mutations that write it.")
class FieldOwnership:
    type: str = strawberry.field(description="The entity.")
    field: str = strawberry.field(description="The field.")
    system: System = strawberry.field(description="Its system of record.")
    adapter: str | None = strawberry.field(description="The vendor that plays the system here.")
    writable: bool = strawberry.field(description="Whether a mutation writes it.")
    mutations: list[str] = strawberry.field(description="The mutations that write it.")


@strawberry.type(description="A connected system, as the gateway sees it now.")
class SystemHealth:
    system: System = strawberry.field(description="The role.")
    connection: str = strawberry.field(description="The configured account of it.")
    adapter: str = strawberry.field(description="The vendor.")
    status: HealthStatus = strawberry.field(description="How it answers now.")
    circuit: CircuitState = strawberry.field(description="Whether calls go through.")
    latency_ms: float | None = strawberry.field(description="Median of recent calls, in milliseconds.")
    error_rate: float | None = strawberry.field(description="Share of recent calls that failed, 0 to 1.")
    throttled_until: datetime | None = strawberry.field(description="Until when it asked us to wait.")
    last_event_at: datetime | None = strawberry.field(description="When it last told us of a change.")
