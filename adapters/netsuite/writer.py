"""Writes to NetSuite: changes of a customer's billing and of an invoice, approval, voiding.

Every write leaves its key on the record, in a text field that the account has for it, and is settled by
reading that field. ``X-NetSuite-idempotency-key`` would not do: NetSuite heeds it for asynchronous requests
only, whose outcome is a job to be polled.

========================  =====================================================================
UPDATE_CUSTOMER_BILLING   PATCH customer; the address of the default billing line of addressBook
UPDATE_INVOICE            PATCH invoice: dueDate, memo
POST_INVOICE              PATCH invoice: approvalStatus Approved; NetSuite posts what is approved
VOID_INVOICE              a RESTlet, see ``void_restlet.js``: REST has neither an operation nor a record
                          action that voids (Supported Record Actions,
                          https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1516982564.html)
========================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.contracts.errors import Conflict, Malformed, NotFound, Unsupported
from adapters.contracts.fields import Row
from adapters.contracts.vocabulary import RecordType
from adapters.contracts.writes import WRITINGS, Settled, Settlement, Verb, Write, Writer
from adapters.netsuite.client import NetSuiteClient
from adapters.netsuite.customer import ADDRESS_BOOK, ADDRESS_LINE, ADDRESS_SHIPS
from adapters.netsuite.manifest import NetSuiteSettings
from adapters.netsuite.query import QueryResource
from adapters.netsuite.suiteql import is_internal_id
from adapters.netsuite.values import COMMAND

APPROVED = "2"
"""``approvalStatus``: 1 Pending Approval, 2 Approved, 3 Rejected."""

_PENDING, _VOIDED, _POSTED = "D", "V", ("A", "B")
_NAMES: Mapping[RecordType, str] = {RecordType.CUSTOMER: "customer", RecordType.INVOICE: "invoice"}


class NetSuiteWriter(Writer):
    """The writes of one account. NetSuite has no guard against lost updates: the gateway looks."""

    def __init__(
        self,
        client: NetSuiteClient,
        settings: NetSuiteSettings,
        resources: Mapping[RecordType, QueryResource],
    ) -> None:
        self._client = client
        self._resources = resources
        self._markers = {
            RecordType.CUSTOMER: settings.customer_command_column,
            RecordType.INVOICE: settings.invoice_command_column,
        }
        self._draft_column = settings.draft_column
        self._restlet_url = settings.restlet_url
        self._performs: Mapping[Verb, Callable[[Write], Awaitable[None]]] = {
            Verb.UPDATE_CUSTOMER_BILLING: self._update_billing,
            Verb.UPDATE_INVOICE: self._update_invoice,
            Verb.POST_INVOICE: self._post_invoice,
            **({Verb.VOID_INVOICE: self._void_invoice} if self._restlet_url is not None else {}),
        }
        self.verbs = frozenset(self._performs)

    async def perform(self, write: Write) -> str:
        perform = self._performs.get(write.verb)
        if perform is None:
            hint = "; void_restlet is not configured" if write.verb is Verb.VOID_INVOICE else ""
            raise Unsupported(f"NetSuite cannot do {write.verb.value}{hint}")
        if not is_internal_id(write.record_id):
            raise NotFound(f"{WRITINGS[write.verb].type.value}: this is no NetSuite internal id")
        await perform(write)
        return write.record_id

    async def settle(self, write: Write) -> Settled:
        """Reads the record that the write was about.

        Where the account has a field for keys, the write was done if the record carries its key; that holds
        until the next write to the record, which is only sent when this one is settled. Without the field,
        and for voiding always, the state decides: what the write wanted is there, whoever brought it about.
        NOT_DONE says that NetSuite has not done it yet: a request it still works on (it gives up after 15
        minutes) can be done later, and is then done with the same values a second time.
        """
        if write.verb not in self.verbs or not is_internal_id(write.record_id):
            return Settled(Settlement.NOT_DONE)
        try:
            done = await self._is_done(write)
        except NotFound:
            done = False
        return Settled(Settlement.DONE, write.record_id) if done else Settled(Settlement.NOT_DONE)

    async def _is_done(self, write: Write) -> bool:
        if write.verb is Verb.VOID_INVOICE:
            return _letter(await self._read(write, "status")) == _VOIDED
        if self._markers[WRITINGS[write.verb].type] is not None:
            return (await self._read(write, COMMAND)).get(COMMAND) == write.key
        if write.verb is Verb.POST_INVOICE:
            return _letter(await self._read(write, "status")) in _POSTED
        fields = self._resource(write).fields
        row = await self._read(write, *fields.projection(write.changes))
        return all(fields.read(row, name) == value for name, value in write.changes.items())

    async def _update_billing(self, write: Write) -> None:
        changes = self._resource(write).fields.patch(write.changes)
        if ADDRESS_BOOK in changes:
            # Only the line's key tells NetSuite a change from an addition.
            line = await self._read(write, ADDRESS_LINE, ADDRESS_SHIPS)
            changes = _with_line(changes, line)
        await self._patch(write, changes)

    async def _update_invoice(self, write: Write) -> None:
        await self._patch(write, self._resource(write).fields.patch(write.changes))

    async def _post_invoice(self, write: Write) -> None:
        # To NetSuite, approving what is approved is no mistake: whether it may be is for us to see.
        letter = _letter(row := await self._state(write))
        if letter != _PENDING:
            if row.get(COMMAND) == write.key:
                return
            raise Conflict("only an invoice pending approval can be posted", vendor_code="wrong_state")
        draft = {} if self._draft_column is None else {self._draft_column: False}
        await self._patch(write, {"approvalStatus": {"id": APPROVED}, **draft})

    async def _void_invoice(self, write: Write) -> None:
        assert self._restlet_url is not None
        content = {"type": "invoice", "id": write.record_id, "key": write.key}
        marker = self._markers[RecordType.INVOICE]
        try:
            answer = await self._client.restlet(
                self._restlet_url, content if marker is None else {**content, "keyField": marker}
            )
        except Conflict as conflict:
            raise Conflict(
                "the invoice's state does not allow it to be voided", vendor_code="wrong_state"
            ) from conflict
        if str(answer.get("id")) != write.record_id:
            raise Malformed("the RESTlet's answer names another invoice")

    async def _patch(self, write: Write, changes: Mapping[str, Any]) -> None:
        record_type = WRITINGS[write.verb].type
        marker = self._markers[record_type]
        mark = {} if marker is None else {marker: write.key}
        await self._client.patch(_NAMES[record_type], write.record_id, {**changes, **mark})

    async def _state(self, write: Write) -> Row:
        names = ("status", COMMAND) if self._resource(write).has(COMMAND) else ("status",)
        return await self._read(write, *names)

    async def _read(self, write: Write, *names: str) -> Row:
        return await self._resource(write).columns(write.record_id, names)

    def _resource(self, write: Write) -> QueryResource:
        return self._resources[WRITINGS[write.verb].type]


def _letter(row: Row) -> str:
    return str(row.get("status", "")).rpartition(":")[2]


def _with_line(changes: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """The patch with the key of the line it is about.

    A line that is the default for shipping too is left as it is: the billing address becomes a new line.
    """
    (line,) = changes[ADDRESS_BOOK]["items"]
    key, ships = row.get(ADDRESS_LINE), row.get(ADDRESS_SHIPS) == "T"
    if key is None and not line["defaultBilling"]:
        return {name: value for name, value in changes.items() if name != ADDRESS_BOOK}
    if key is not None and not (ships and line["defaultBilling"]):
        line = {"internalId": int(key), **line}
    return {**changes, ADDRESS_BOOK: {"items": [line]}}
