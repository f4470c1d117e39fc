"""One connected REST system."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import Malformed, Rejected, SystemFault
from adapters.contracts.fields import Row
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import RecordType
from adapters.rest.client import RestClient
from adapters.rest.events import RestEvents
from adapters.rest.faults import Faults
from adapters.rest.mapping import compile_resource
from adapters.rest.resource import RestResource
from adapters.rest.settings import RestSettings

_PROBE = "0"
"""An id that no record is likely to have, to reach a resource that has no list."""

_ROWS = 20
"""Rows that a check-up reads in full."""


class RestAdapter(Adapter):
    """The resources that the settings describe. ``name`` is the connection's, for messages."""

    def __init__(self, name: str, settings: RestSettings) -> None:
        self._settings = settings
        self._client = RestClient(name, settings)
        self._resources: dict[RecordType, RestResource] = {}
        for record_type, form in settings.resources.items():
            faults = Faults()
            mapped = compile_resource(f"{name} {record_type.value}", record_type, form, faults)
            if mapped is None:
                # Settings that were validated compile; these were put together in another way.
                raise faults.as_error("resources")
            self._resources[record_type] = RestResource(self._client, record_type, form, mapped)
        self.resources = self._resources
        if settings.events is not None:
            maps = {record_type: resource.fields for record_type, resource in self._resources.items()}
            self.events = RestEvents(settings.events, maps)

    async def check(self) -> list[Finding]:
        return [
            await self._check_list(resource)
            if self._settings.resources[resource.type].listed
            else await self._check_key(resource)
            for resource in self._resources.values()
        ]

    async def _check_list(self, resource: RestResource) -> Finding:
        """Whether the list is readable, and every field of its first rows."""
        what = f"{resource.type.value} records are readable"
        try:
            page = await resource.page(PageRequest(resource.fields.supplies(), first=_ROWS))
        except SystemFault as fault:
            return Finding(what, False, fault.message)
        unreadable, empty = _look(resource, page.rows)
        if unreadable:
            return Finding(what, False, f"cannot read {', '.join(unreadable)}; look at their paths and forms")
        said = f"; never filled: {', '.join(empty)}" if empty and page.rows else ""
        return Finding(what, True, f"{len(page.rows)} read{said}")

    async def _check_key(self, resource: RestResource) -> Finding:
        """Whether a resource without a list answers; an answer that refuses the made-up id is an answer."""
        what = f"{resource.type.value} records can be asked for"
        key = next(iter(resource.finds()), None)
        try:
            if key is None or key == "id":
                await resource.read_many([_PROBE], frozenset({"id"}))
            else:
                await resource.related(key, [_PROBE], frozenset({"id"}))
        except Rejected:
            return Finding(what, True, "answered, and refused a made-up id")
        except SystemFault as fault:
            return Finding(what, False, fault.message)
        return Finding(what, True, "answered")

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        form = self._settings.resources.get(record_type)
        if form is None or form.link is None:
            return None
        return form.link.replace("{id}", quote(record_id, safe=""))

    async def aclose(self) -> None:
        await self._client.aclose()


def _look(resource: RestResource, rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Fields that cannot be read of some row, and fields that no row has."""
    unreadable: list[str] = []
    empty: list[str] = []
    for entry in resource.fields:
        try:
            values = [resource.fields.read(row, entry.name) for row in rows]
        except Malformed:
            unreadable.append(entry.name)
            continue
        if entry.asks and all(value is None for value in values):
            empty.append(entry.name)
    return unreadable, empty
