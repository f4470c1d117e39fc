"""What a customer is billed by: the party's name, tax identifier and invoice address, written in one request.

Identifiers and addresses are records of their own; the party's write carries them as commands, ``["write",
[ids], values]`` and ``["create", [values]]``
(https://docs.tryton.org/latest/server/ref/fields.html#trytond.model.fields.One2Many).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.contracts.errors import Conflict, Rejected
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.values import Address
from adapters.contracts.writes import Write
from adapters.tryton.client import Call, TrytonClient
from adapters.tryton.customer import ADDRESSES, TAX_ID, address_of, invoice_address
from adapters.tryton.domain import Domain
from adapters.tryton.guard import STAMPS, TIMESTAMP, read_one, require_unmodified, timestamps
from adapters.tryton.place import Place, place
from adapters.tryton.plan import Plan, Planner, same_text
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.wire import many

PARTY, ADDRESS, IDENTIFIER = "party.party", "party.address", "party.identifier"
_IDENTIFIERS = "identifiers"

Command = list[Any]


class Billing(Planner):
    """Changes of a party."""

    def __init__(self, client: TrytonClient, settings: TrytonSettings, fields: FieldMap) -> None:
        self._client = client
        self._fields = fields
        self._tax_id_type = settings.tax_id_type

    async def plan(self, write: Write, number: int) -> Plan:
        values = self._fields.patch(write.changes)
        asks = ["active", *STAMPS]
        if TAX_ID in values:
            asks += [TAX_ID, *(f"{_IDENTIFIERS}.{field}" for field in ("type", TIMESTAMP))]
        if ADDRESSES in values:
            asks += [f"{ADDRESSES}.{field}" for field in ("invoice", TIMESTAMP)]
        row = await self._read(number, asks)
        require_unmodified(write, row)
        if not row["active"]:
            raise Conflict("Tryton: an archived customer cannot be changed", vendor_code="wrong_state")
        touched = [(PARTY, row)]
        if TAX_ID in values:
            current = next((each for each in many(row, _IDENTIFIERS) if each["id"] == row[TAX_ID]), None)
            commands = self._identify(values.pop(TAX_ID), current, many(row, _IDENTIFIERS))
            if commands:
                values[_IDENTIFIERS] = commands
                touched += [] if current is None else [(IDENTIFIER, current)]
        if ADDRESSES in values:
            parts, current = values[ADDRESSES], invoice_address(row)
            if parts is None:
                raise Rejected(
                    "Tryton invoices to some address of the customer in any case: give another one instead",
                    vendor_code="address",
                )
            where = await place(self._client, parts["country"], parts["subdivision"])
            values[ADDRESSES] = [_settle_at({**parts, **_ids(where)}, current)]
            touched += [] if current is None else [(ADDRESS, current)]
        if not values:
            return Plan(None)
        return Plan(Call(PARTY, number, "write", {"values": values}, timestamps(write, touched)))

    async def is_done(self, write: Write, number: int) -> bool:
        row = await self._read(number, self._fields.projection(write.changes))
        for name, wanted in write.changes.items():
            there = self._fields.read(row, name)
            match name:
                case "tax_id":
                    # Tryton writes a number the way its country does: 911144442 becomes 91-1144442.
                    same = _compact(there) == _compact(wanted)
                case "billing_address":
                    same = wanted is not None and there == await self._kept(wanted)
                case _:
                    same = same_text(there, wanted)
            if not same:
                return False
        return True

    async def _kept(self, address: Address) -> Address | None:
        """The address as it reads once it is written; None where it cannot be."""
        parts = self._fields.patch({"billing_address": address})[ADDRESSES]
        try:
            where = await place(self._client, parts["country"], parts["subdivision"])
        except Rejected:
            return None
        country = None if parts["country"] is None else {"code": parts["country"]}
        region = None if where.region is None else {"name": where.region_name}
        return address_of({**parts, "country.": country, "subdivision.": region})

    def _identify(self, code: str | None, current: Row | None, identifiers: list[Row]) -> list[Command]:
        """The commands for the tax identifier; the party has the ``identifiers`` and uses the ``current``."""
        if code is None:
            if current is None:
                return []
            if any(each["type"] for each in identifiers if each is not current):
                # Which of them is used for tax is for Tryton to say, and it would say the next.
                raise Rejected(
                    "Tryton: the customer has several identifiers; remove the tax identifier in Tryton",
                    vendor_code="identifiers",
                )
            # Archived: invoices name it, and it cannot be deleted then.
            return [["write", [current["id"]], {"active": False}]]
        if current is not None:
            return [["write", [current["id"]], {"code": code}]]
        if self._tax_id_type is None:
            raise Rejected(
                "Tryton: the customer has no tax identifier yet, and tax_id_type does not say its type",
                vendor_code="type",
            )
        return [["create", [{"type": self._tax_id_type, "code": code}]]]

    async def _read(self, number: int, asks: list[str]) -> Row:
        domain: Domain = [["id", "=", number], ["active", "in", [True, False]]]
        return await read_one(self._client, PARTY, domain, asks)


def _ids(where: Place) -> Mapping[str, int | None]:
    return {"country": where.country, "subdivision": where.region}


def _settle_at(values: Mapping[str, Any], current: Row | None) -> Command:
    """In place where there is an address for invoices; a party's general address is left as it is."""
    if current is None:
        return ["create", [{**values, "invoice": True}]]
    return ["write", [current["id"]], values]


def _compact(code: str | None) -> str:
    return re.sub(r"[\W_]", "", code or "").casefold()
