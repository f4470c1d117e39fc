"""BusinessEvent: something that happened, in the company's words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from adapters.contracts.vocabulary import BusinessEventType, EventOrigin, System
from schema.node import Node
from schema.scalars import Cursor
from schema.values import PageInfo

if TYPE_CHECKING:
    from schema.customer import Customer


@strawberry.type(description="Something that happened, in the company's words.")
class BusinessEvent(Node):
    cursor: Cursor = strawberry.field(description="Its position in the log of events.")
    type: BusinessEventType = strawberry.field(description="What happened.")
    origin: EventOrigin = strawberry.field(
        description="SOURCE: a system said so. DERIVED: the gateway concluded it."
    )
    system: System = strawberry.field(description="Where it happened.")
    occurred_at: datetime = strawberry.field(description="When it happened, by the system's clock.")
    observed_at: datetime = strawberry.field(description="When the gateway learned of it.")
    correlation_id: str | None = strawberry.field(description="The request that caused it, when one did.")
    customer: Annotated[Customer, strawberry.lazy("schema.customer")] | None = strawberry.field(
        description="Whom it concerns."
    )
    subject: Node | None = strawberry.field(description="What it happened to.")
    summary: str = strawberry.field(description="One line for people.")


@strawberry.type(description="An event and its place in the log.")
class BusinessEventEdge:
    cursor: str = strawberry.field(description="Give it as `after` to continue behind this edge.")
    node: BusinessEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of events.")
class BusinessEventConnection:
    edges: list[BusinessEventEdge] = strawberry.field(description="The events with their cursors.")
    nodes: list[BusinessEvent] = strawberry.field(description="The events.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the log.")
