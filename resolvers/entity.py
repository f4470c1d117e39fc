"""An object of the graph at run time: an anchor, and one slice per system that knows it.

Slices are loads under way, started when the first field of a system is asked for. A field is read
straight from its slice's row when that has arrived, and awaited otherwise. A slice that failed gives its
fault to its own fields and to no others.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.vocabulary import ANCHORS, System
from resolvers.begun import begun
from resolvers.errors import fault_of
from resolvers.ids import Ref

if TYPE_CHECKING:
    from resolvers.context import RequestContext

Slice = tuple[Row, FieldMap] | None
"""A row and the map that reads it; None where the system has no record of the object."""


class Entity:
    """A customer, subscription, invoice or payment. ``graph_type`` is its type's name in the graph."""

    __slots__ = ("_slices", "context", "graph_type", "ref")

    def __init__(self, ref: Ref, context: RequestContext) -> None:
        self.ref = ref
        self.context = context
        self.graph_type = ref.type.value
        self._slices: dict[System, asyncio.Future[Slice]] = {}

    @property
    def id(self) -> str:
        return self.ref.encode()

    @property
    def anchor_system(self) -> System:
        return ANCHORS[self.ref.type]

    def put(self, system: System, row: Row, fields: FieldMap) -> None:
        """Gives the entity a row that has arrived already."""
        done: asyncio.Future[Slice] = asyncio.get_running_loop().create_future()
        done.set_result((row, fields))
        self._slices[system] = done

    def slice(self, system: System) -> asyncio.Future[Slice]:
        """The system's slice, loading from now on if it was not before."""
        future = self._slices.get(system)
        if future is None:
            future = begun(self.context.load_slice(self, system))
            self._slices[system] = future
        return future

    def loaded(self, system: System) -> Slice:
        """The slice if it is there; None where it is not, failed, or is still under way."""
        future = self._slices.get(system)
        if future is None or not future.done() or future.cancelled() or future.exception() is not None:
            return None
        return future.result()

    def anchored(self) -> Row | SystemFault | None:
        """The anchor's row where it has arrived, or the fault of reading it."""
        future = self._slices.get(self.anchor_system)
        if future is None or not future.done() or future.cancelled():
            return None
        error = future.exception()
        if isinstance(error, SystemFault):
            return error
        found = None if error is not None else future.result()
        return None if found is None else found[0]

    def get(self, name: str) -> Any:
        """A leaf of the graph: its value, or an awaitable where its slice is still under way."""
        if name == "id":
            return self.ref.encode()
        if name == "records":
            return self.context.records(self)
        system = self.context.ownership.owner(self.graph_type, name)
        if system is System.GATEWAY:
            return self.context.derive(self, name)
        future = self.slice(system)
        if future.done():
            return self._read(future, system, name)
        return self._await(future, system, name)

    async def _await(self, future: asyncio.Future[Slice], system: System, name: str) -> Any:
        # Waited for without cancelling it: other fields share the slice.
        await asyncio.wait([future])
        return self._read(future, system, name)

    def _read(self, future: asyncio.Future[Slice], system: System, name: str) -> Any:
        try:
            found = future.result()
            # A vendor that has no such field gives null: the field has an owner, and the owner has nothing.
            return None if found is None or name not in found[1] else found[1].read(found[0], name)
        except SystemFault as error:
            raise fault_of(error, system) from error

    async def link(self, name: str) -> str | None:
        """A link field of the anchor's row, as text; None where it has none. Raises the slice's fault."""
        found = await asyncio.shield(self.slice(self.anchor_system))
        if found is None or name not in found[1]:
            return None
        value = found[1].read(found[0], name)
        return None if value is None else str(value)


def resolve_leaf(source: Any, name: str) -> Any:
    """The graph's default resolver."""
    if type(source) is Entity:
        return source.get(name)
    return getattr(source, name)
