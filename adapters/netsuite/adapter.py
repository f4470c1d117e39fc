"""A connected NetSuite account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import SystemFault
from adapters.contracts.resource import Resource
from adapters.contracts.vocabulary import RecordType
from adapters.netsuite.client import NetSuiteClient
from adapters.netsuite.customer import customers
from adapters.netsuite.events import NetSuiteEvents
from adapters.netsuite.invoice import Invoices
from adapters.netsuite.ledger_entry import ledger_entries
from adapters.netsuite.manifest import NetSuiteSettings
from adapters.netsuite.writer import NetSuiteWriter

_PAGES: Mapping[RecordType, str] = {
    RecordType.CUSTOMER: "/app/common/entity/custjob.nl",
    RecordType.INVOICE: "/app/accounting/transactions/custinvc.nl",
    RecordType.LEDGER_ENTRY: "/app/accounting/transactions/custpymt.nl",
}

_TABLES: Mapping[str, tuple[str, str]] = {
    "currency": ("id", "Lists > Currency"),
    "customer": ("id", "Lists > Customers"),
    "customeraddressbook": ("entity", "Lists > Customers"),
    "customeraddressbookentityaddress": ("nkey", "Lists > Customers"),
    "subsidiary": ("id", "Lists > Subsidiaries"),
    "term": ("id", "Lists > Accounting Lists"),
    "transaction": ("id", "Transactions > Find Transaction, Invoice and Customer Payment"),
    "transactionline": ("uniquekey", "Transactions > Find Transaction"),
    "transactionaccountingline": ("transaction", "Transactions > Find Transaction"),
    "account": ("id", "Lists > Accounts"),
    "deletedrecord": ("recordid", "Setup > Deleted Records, or poll_deletions off"),
}
"""Tables that are read: a column to ask for, and the permission of the role that opens the table."""


class NetSuiteAdapter(Adapter):
    """Customers, invoices and ledger entries of one account."""

    def __init__(self, name: str, settings: NetSuiteSettings) -> None:
        self.name = name
        self._client = NetSuiteClient(settings)
        self._host = f"{settings.account.lower().replace('_', '-')}.app.netsuite.com"
        self._queries = (
            customers(self._client, settings),
            Invoices(self._client, settings),
            ledger_entries(self._client, settings),
        )
        self._tables = {
            table: need
            for table, need in _TABLES.items()
            if table != "deletedrecord" or settings.poll_deletions
        }
        resources = {query.type: query for query in self._queries}
        self.resources: Mapping[RecordType, Resource] = resources
        self.writer = NetSuiteWriter(self._client, settings, resources)
        self.events = NetSuiteEvents(self._client, settings, resources)

    async def check(self) -> list[Finding]:
        """One line each for the token, SuiteQL, every table's permission and every resource's columns.

        NetSuite says of a table that the role may not see the same as of one that does not exist.
        """
        try:
            await self._client.sign_in()
        except SystemFault as fault:
            hint = "check client_id, certificate_id, private_key and the client credentials mapping"
            return [Finding("token", False, f"{_said(fault)}; {hint}")]
        findings = [Finding("token", True, "NetSuite gave one")]
        tables = list(self._tables.items())
        probes = {table: f"SELECT {column} FROM {table} WHERE {column} = 0" for table, (column, _) in tables}  # noqa: S608
        # The first table alone: where SuiteQL as a whole is refused, one line says so, not one per table.
        first = tables[0][0]
        fault = await self._tried(probes[first])
        if fault is not None:
            hint = "the role needs Setup > Log in using OAuth 2.0 Access Tokens and REST Web Services"
            return [*findings, Finding("SuiteQL", False, f"{_said(fault)}; {hint}")]
        findings += [Finding("SuiteQL", True, "answers"), Finding(f"table {first}", True, "can be read")]
        faults = await asyncio.gather(
            *(self._tried(probes[table]) for table, _ in tables[1:]),
            *(self._tried(query.probe()) for query in self._queries),
        )
        names = [(f"table {table}", f"the role needs {permission}") for table, (_, permission) in tables[1:]]
        names += [
            (f"columns of {query.fields.vendor_resource}", "check the configured columns")
            for query in self._queries
        ]
        for (name, hint), fault in zip(names, faults, strict=True):
            detail = "can be read" if fault is None else f"{_said(fault)}; {hint}"
            findings.append(Finding(name, fault is None, detail))
        return findings

    async def aclose(self) -> None:
        await self._client.aclose()

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        page = _PAGES.get(record_type)
        return None if page is None else f"https://{self._host}{page}?id={record_id}"

    async def _tried(self, sql: str) -> SystemFault | None:
        try:
            await self._client.query(sql, limit=1)
        except SystemFault as fault:
            return fault
        return None


def _said(fault: SystemFault) -> str:
    return f"{fault.message} [{fault.vendor_code}]" if fault.vendor_code else fault.message
