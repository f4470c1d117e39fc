"""What a subscription asks of the log of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from resolvers.context import RequestContext
from resolvers.errors import Code, GraphFault, bad_user_input
from resolvers.event_access import permitted, shows
from resolvers.event_port import BadCursor, CursorExpired, Event, EventFilter

Show = Callable[[Event, RequestContext], Any]
Admits = Callable[[Event, RequestContext], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Watch:
    """The events that are wanted, from where on, and what is shown of each.

    Iterating it follows the log for this one subscription. A transport that serves many reads the parts
    instead, and follows once for all that ask for the same.

    show:   the root value of one event. The context is the event's own: nothing of an earlier one is kept.
    admits: what the filter cannot say because it takes reading; None where nothing is left to say. It reads
            what it needs, whatever was selected.
    only_for: the subject whose own events these are: nobody else's subscription shows the same.
    """

    context: RequestContext
    wanted: EventFilter
    after: str | None
    show: Show
    admits: Admits | None = None
    only_for: str | None = None

    async def __aiter__(self) -> AsyncGenerator[Any]:
        selection = self.context.selection
        try:
            async for event in self.context.events.follow(self.wanted, self.after):
                self.context.forget()
                if self.admits is not None:
                    if not await self.admits(event, self.context):
                        continue
                    self.context.selecting(selection).forget()
                yield self.show(event, self.context)
        except (BadCursor, CursorExpired) as error:
            raise fault_of_cursor(error) from error


def watch(
    context: RequestContext,
    wanted: EventFilter,
    after: str | None,
    show: Show,
    admits: Admits | None = None,
) -> Watch:
    """A watch on those of the wanted events that the viewer may hear of, as it is when each is delivered."""
    return Watch(context, permitted(context.viewer, wanted), after, show, _seen(context, admits))


def _seen(context: RequestContext, admits: Admits | None) -> Admits | None:
    if context.viewer.rows is None:
        return admits

    async def both(event: Event, own: RequestContext) -> bool:
        return await shows(event, own) and (admits is None or await admits(event, own))

    return both


def fault_of_cursor(error: BadCursor | CursorExpired) -> GraphFault:
    """What a caller is told of an ``after`` that cannot be resumed at."""
    if isinstance(error, BadCursor):
        return bad_user_input("after: not a cursor of the log of events")
    return GraphFault(
        Code.CURSOR_EXPIRED,
        "after: the log no longer reaches back to this cursor; read the present state, then subscribe anew",
    )
