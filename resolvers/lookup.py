"""Finding a customer by what the caller has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import strawberry

from adapters.contracts.errors import Conflict, SystemFault, Unsupported
from adapters.contracts.vocabulary import RecordType, System, link_field
from resolvers.connection import check_readable
from resolvers.context import RequestContext
from resolvers.edges import CUSTOMER_IN_CRM
from resolvers.entity import Entity
from resolvers.errors import bad_user_input, fault_of, forbidden
from resolvers.ids import Ref
from resolvers.ports import Relation
from schema.inputs import CustomerLookup, SystemRecordRef


async def look_up(context: RequestContext, lookup: CustomerLookup) -> Entity | None:
    """The customer; null where there is none, NOT_FOUND with the reason where several claim the place."""
    if lookup.record:
        if not context.viewer.reads_system(context.ownership, "Customer", lookup.record.system):
            raise forbidden(f"records of {lookup.record.system.value}")
        return await _by_record(context, lookup.record)
    check_readable(context.viewer, RecordType.CUSTOMER, "email")
    email = (lookup.email or "").strip()
    if not email or "@" not in email or len(email) > 254:
        raise bad_user_input("lookup.email: not an e-mail address")
    names = context.systems.connections(System.CRM, RecordType.CUSTOMER)
    return await _unique(context, names, "email", email)


async def _by_record(context: RequestContext, record: SystemRecordRef) -> Entity | None:
    systems = context.systems
    names = systems.connections(record.system, RecordType.CUSTOMER)
    if not names:
        raise bad_user_input(f"lookup.record.system: no connected {record.system.value} system has customers")
    wanted = None if record.connection is strawberry.UNSET else record.connection
    if wanted is not None and wanted not in names:
        raise bad_user_input(
            f"lookup.record.connection: {record.system.value} has no connection of that name"
        )
    if not record.record_id.strip() or len(record.record_id) > 200:
        raise bad_user_input("lookup.record.recordId: is empty or too long")
    name = wanted or names[0]
    if wanted is None and len(names) > 1:
        raise bad_user_input(
            f"lookup.record.connection: {record.system.value} has {len(names)} connections; "
            f"say which: {', '.join(names)}"
        )
    if record.system is System.CRM:
        return await context.existing(Ref(RecordType.CUSTOMER, name, record.record_id))
    link = link_field(RecordType.CUSTOMER, record.system)
    askable = [
        crm
        for crm in systems.connections(System.CRM, RecordType.CUSTOMER)
        if systems.resource(crm, RecordType.CUSTOMER).finds_by(link)
    ]
    if askable:
        value = f"{name}:{record.record_id}" if len(names) > 1 else record.record_id
        return await _unique(context, askable, link, value)
    try:
        row = await context.loads.by_id(name, RecordType.CUSTOMER, record.record_id)
        fields = systems.resource(name, RecordType.CUSTOMER).fields
        crm_id = None if row is None or CUSTOMER_IN_CRM not in fields else fields.read(row, CUSTOMER_IN_CRM)
        if crm_id is None:
            return None
        crm = context.identity.locate(System.CRM, RecordType.CUSTOMER, str(crm_id))
    except SystemFault as error:
        raise fault_of(error, record.system) from error
    return await context.existing(Ref(RecordType.CUSTOMER, crm.connection, crm.record_id))


async def _unique(context: RequestContext, names: Sequence[str], field: str, value: str) -> Entity | None:
    """The one CRM customer whose field has a value; Conflict where there are several."""
    try:
        able = [name for name in names if context.systems.resource(name, RecordType.CUSTOMER).finds_by(field)]
        if not able:
            raise Unsupported(f"customers cannot be found by {field}")
        relations = [Relation(name, RecordType.CUSTOMER, field, (), None) for name in able]
        pages = await asyncio.gather(*(context.loads.related(each, value, None) for each in relations))
        found: list[Entity] = []
        for name, page in zip(able, pages, strict=True):
            fields = context.systems.resource(name, RecordType.CUSTOMER).fields
            for row in page.rows:
                entity = context.entity(Ref(RecordType.CUSTOMER, name, str(fields.read(row, "id"))))
                entity.put(System.CRM, row, fields)
                if await context.rows.sees(entity):
                    found.append(entity)
        if len(found) > 1:
            raise Conflict(f"{len(found)} customers have this {field}; look the customer up by a record id")
    except SystemFault as error:
        raise fault_of(error, System.CRM) from error
    return found[0] if found else None
