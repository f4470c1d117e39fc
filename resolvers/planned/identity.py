"""Who is who, for many at once: ``resolvers.identity`` has the rules, here they are followed for a batch.

Outcomes are by connection and record id; a fault is the outcome of the objects it concerns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from adapters.contracts.errors import Conflict, SystemFault
from adapters.contracts.fields import FieldMap
from adapters.contracts.resource import Lists, Page, rows_of
from adapters.contracts.vocabulary import ANCHORS, RecordType, System, link_field
from resolvers.edges import CUSTOMER_IN_CRM
from resolvers.identity import Located, located_in
from resolvers.ids import Ref
from resolvers.planned.item import UNREAD, Batch, Group, Outcomes, RowState
from resolvers.planned.loads import Loads
from resolvers.planned.plan import SliceStep
from resolvers.ports import CrossReferences, Relation, Systems

_CUSTOMER = RecordType.CUSTOMER


def linked_to(systems: Systems, system: System) -> frozenset[str]:
    """The connections of the CRM whose rows say where its customers are in a system."""
    link = link_field(_CUSTOMER, system)
    return frozenset(
        name
        for name in systems.connections(System.CRM, _CUSTOMER)
        if link in systems.resource(name, _CUSTOMER).fields
    )


def claims_on(systems: Systems, system: System) -> tuple[Relation, ...]:
    """Whom to ask of a system for the records that name customers: each connection that finds by them."""
    return tuple(
        Relation(name, _CUSTOMER, CUSTOMER_IN_CRM, (), None)
        for name in systems.connections(system, _CUSTOMER)
        if systems.resource(name, _CUSTOMER).finds_by(CUSTOMER_IN_CRM)
    )


class Identities:
    """Finds counterparts within one request."""

    def __init__(self, systems: Systems, loads: Loads, references: CrossReferences) -> None:
        self._systems = systems
        self._loads = loads
        self._references = references

    async def located(self, customers: Batch, system: System) -> Outcomes:
        """Where customers' records in a system are: ``Located``, None, or a fault."""
        if system is System.CRM:
            return {name: {each: Located(name, each) for each in group} for name, group in customers.items()}
        found: Outcomes = {}
        for name, group in customers.items():
            if link_field(_CUSTOMER, system) in self._fields(name, _CUSTOMER):
                found[name] = await self._known_by_crm(name, group, system)
            else:
                claims = await self._claims(group, system)
                found[name] = {each: _one_claim(claim, system) for each, claim in claims.items()}
        return found

    async def slices(self, customers: Batch, step: SliceStep) -> Outcomes:
        """Customers' records in a system other than the CRM: (row, fields), None, or a fault."""
        found: Outcomes = {}
        for name, group in customers.items():
            if name in step.linked:
                found[name] = await self._rows_at(await self._known_by_crm(name, group, step.system))
            else:
                found[name] = await self._slices_by_claims(group, step)
        return found

    async def _slices_by_claims(self, customers: Group, step: SliceStep) -> dict[str, Any]:
        wanted = list(customers)
        try:
            if len(step.claims) == 1:
                name = step.claims[0].connection
                pages = await self._loads.related(step.claims[0], wanted, None)
                fields = self._fields(name, _CUSTOMER)
                found = _sole_slices(pages, fields)
                if found is not None:
                    return found
                read = [(name, fields, pages)]
            else:
                read = await self._claiming(wanted, step.claims)
        except SystemFault as fault:
            return dict.fromkeys(wanted, fault)
        claims = _by_customer(wanted, read)
        return {each: _one_slice(claim, step.system) for each, claim in claims.items()}

    async def _rows_at(self, located: dict[str, Any]) -> dict[str, Any]:
        wanted: dict[str, list[str]] = {}
        for place in located.values():
            if isinstance(place, Located):
                wanted.setdefault(place.connection, []).append(place.record_id)
        names = list(wanted)
        read = await asyncio.gather(
            *(self._loads.by_id(name, _CUSTOMER, wanted[name]) for name in names), return_exceptions=True
        )
        rows: dict[str, Any] = dict(zip(names, read, strict=True))
        found: dict[str, Any] = {}
        for each, place in located.items():
            if not isinstance(place, Located):
                found[each] = place
                continue
            there = rows[place.connection]
            if isinstance(there, BaseException):
                found[each] = only_faults(there)
                continue
            row = there.get(place.record_id)
            found[each] = None if row is None else (row, self._fields(place.connection, _CUSTOMER))
        return found

    async def customers_of(self, record_type: RecordType, batch: Batch) -> Outcomes:
        """The customers behind objects: ``Ref``, None where nobody in the CRM is, or a fault."""
        if record_type is _CUSTOMER:
            return {
                name: {each: Ref(_CUSTOMER, name, each) for each in group} for name, group in batch.items()
            }
        found: Outcomes = {}
        for name, group in batch.items():
            fields = self._fields(name, record_type)
            link = link_field(_CUSTOMER, ANCHORS[record_type])
            outcomes: dict[str, Any] = {}
            own: dict[str, str] = {}
            for each, row in group.items():
                try:
                    direct = link_of(row, fields, CUSTOMER_IN_CRM)
                    if direct is not None:
                        crm = located_in(self._systems, System.CRM, _CUSTOMER, direct)
                        outcomes[each] = Ref(_CUSTOMER, crm.connection, crm.record_id)
                        continue
                    value = link_of(row, fields, link)
                except SystemFault as fault:
                    outcomes[each] = fault
                    continue
                outcomes[each] = None
                if value is not None:
                    own[each] = value
            if own:
                outcomes |= await self._by_counterpart(name, ANCHORS[record_type], link, own)
            found[name] = outcomes
        return found

    async def _by_counterpart(
        self, name: str, system: System, link: str, own: dict[str, str]
    ) -> dict[str, Any]:
        askable = [
            crm
            for crm in self._systems.connections(System.CRM, _CUSTOMER)
            if self._systems.resource(crm, _CUSTOMER).finds_by(link)
        ]
        if askable:
            several = len(self._systems.connections(system, _CUSTOMER)) > 1
            wanted = {each: f"{name}:{value}" if several else value for each, value in own.items()}
            return await self._by_link(askable, link, wanted, system)
        try:
            fields = self._fields(name, _CUSTOMER)
        except KeyError:
            return dict.fromkeys(own)
        try:
            rows = await self._loads.by_id(name, _CUSTOMER, list(dict.fromkeys(own.values())))
        except SystemFault as fault:
            return dict.fromkeys(own, fault)
        found: dict[str, Any] = {}
        for each, value in own.items():
            try:
                crm_id = link_of(rows.get(value), fields, CUSTOMER_IN_CRM)
                crm = None if crm_id is None else located_in(self._systems, System.CRM, _CUSTOMER, crm_id)
            except SystemFault as fault:
                found[each] = fault
                continue
            found[each] = None if crm is None else Ref(_CUSTOMER, crm.connection, crm.record_id)
        return found

    async def _by_link(
        self, askable: list[str], link: str, wanted: dict[str, str], system: System
    ) -> dict[str, Any]:
        values = list(dict.fromkeys(wanted.values()))
        try:
            pages = await asyncio.gather(
                *(
                    self._loads.related(Relation(crm, _CUSTOMER, link, (), None), values, None)
                    for crm in askable
                )
            )
        except SystemFault as fault:
            return dict.fromkeys(wanted, fault)
        found: dict[str, Any] = {}
        for each, value in wanted.items():
            try:
                refs = [
                    Ref(_CUSTOMER, crm, str(self._fields(crm, _CUSTOMER).read(row, "id")))
                    for crm, page in zip(askable, pages, strict=True)
                    for row in page[value].rows
                ]
            except SystemFault as fault:
                found[each] = fault
                continue
            found[each] = refs[0] if refs else None
            if len(refs) > 1:
                found[each] = _at(
                    System.CRM, Conflict(f"{len(refs)} customers claim one {system.value} record")
                )
        return found

    async def _known_by_crm(self, name: str, group: Group, system: System) -> dict[str, Any]:
        """The places that the CRM's own rows name, now or when last seen."""
        link = link_field(_CUSTOMER, system)
        fields = self._fields(name, _CUSTOMER)
        unread = [each for each, row in group.items() if row is UNREAD]
        rows: Group = group
        if unread:
            rows = dict(group)
            try:
                read = await self._loads.by_id(name, _CUSTOMER, unread)
                rows.update((each, read.get(each)) for each in unread)
            except SystemFault as fault:
                rows.update(dict.fromkeys(unread, fault))
        found: dict[str, Any] = {}
        for each, row in rows.items():
            try:
                try:
                    value = link_of(row, fields, link)
                except SystemFault:
                    value = await self._references.recall(name, each, link)
                    if value is None:
                        raise
                found[each] = None if value is None else located_in(self._systems, system, _CUSTOMER, value)
            except SystemFault as fault:
                found[each] = fault
        return found

    async def _claims(self, customers: Group, system: System) -> dict[str, Any]:
        """The system's records that name customers, from all its connections; or a fault."""
        wanted = list(customers)
        try:
            return _by_customer(wanted, await self._claiming(wanted, claims_on(self._systems, system)))
        except SystemFault as fault:
            return dict.fromkeys(wanted, fault)

    async def _claiming(
        self, customers: list[str], claims: Sequence[Relation]
    ) -> list[tuple[str, FieldMap, Mapping[str, Page]]]:
        """Each connection that is asked, and what of it names the customers."""
        related = self._loads.related
        if len(claims) == 1:
            name = claims[0].connection
            return [(name, self._fields(name, _CUSTOMER), await related(claims[0], customers, None))]
        pages = await asyncio.gather(*(related(each, customers, None) for each in claims))
        names = [each.connection for each in claims]
        return [(name, self._fields(name, _CUSTOMER), page) for name, page in zip(names, pages, strict=True)]

    def _fields(self, name: str, record_type: RecordType) -> FieldMap:
        return self._systems.resource(name, record_type).fields


def link_of(row: RowState, fields: FieldMap, name: str) -> str | None:
    """A link of a row as text; None where there is none. Raises the row's fault."""
    if isinstance(row, SystemFault):
        raise row
    if row is None or row is UNREAD or name not in fields:
        return None
    value = fields.read(row, name)
    return None if value is None else str(value)


def at_connection(located: Outcomes, name: str) -> Outcomes:
    """The record ids of those that are at a connection."""
    return {
        parent: {
            each: (place.record_id if place.connection == name else None)
            if isinstance(place, Located)
            else place
            for each, place in found.items()
        }
        for parent, found in located.items()
    }


def only_faults(error: BaseException) -> SystemFault:
    """The fault; anything else is raised: nobody foresaw it."""
    if isinstance(error, SystemFault):
        return error
    raise error


def _sole_slices(pages: Mapping[str, Page], fields: FieldMap) -> dict[str, Any] | None:
    """The slices of customers of whom nobody has two records; None where that is not so plain."""
    if not isinstance(pages, Lists) or pages.longest > 1:
        return None
    rows = rows_of(pages)
    try:
        # No more is needed of their ids than that they can be read.
        fields.column("id")(rows)
    except SystemFault:
        return None
    if len(rows) == len(pages.lists):
        return dict(zip(pages.lists, zip(rows, repeat(fields)), strict=True))
    return {each: (own[0], fields) if own else None for each, own in pages.lists.items()}


def _by_customer(
    customers: list[str], read: list[tuple[str, FieldMap, Mapping[str, Page]]]
) -> dict[str, Any]:
    """For each customer the records that name it: connection, id, row and fields; or a fault."""
    found: dict[str, Any] = {}
    for each in customers:
        try:
            found[each] = [
                (name, str(fields.read(row, "id")), row, fields)
                for name, fields, pages in read
                for row in pages[each].rows
            ]
        except SystemFault as fault:
            found[each] = fault
    return found


def _one_claim(claims: Any, system: System) -> Any:
    if isinstance(claims, SystemFault):
        return claims
    if len(claims) > 1:
        return _at(system, Conflict(f"{len(claims)} {system.value} records claim this customer"))
    return Located(claims[0][0], claims[0][1]) if claims else None


def _one_slice(claims: Any, system: System) -> Any:
    if isinstance(claims, SystemFault):
        return claims
    if len(claims) > 1:
        records = ", ".join(sorted(each[1] for each in claims))
        message = f"{len(claims)} {system.value} records claim this customer ({records}); none was picked"
        return _at(system, Conflict(message))
    return (claims[0][2], claims[0][3]) if claims else None


def _at(system: System, fault: SystemFault) -> SystemFault:
    fault.system = system
    return fault
