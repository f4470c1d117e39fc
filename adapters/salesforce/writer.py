"""Writes to Salesforce: what the CRM knows of a customer, as one PATCH of its account.

Salesforce remembers no idempotency key. The command's key is written with the patch, into a text column of
the account: whoever reads it there knows that the patch was performed.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_retrieve_patch.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.errors import Malformed, NotFound, Unsupported
from adapters.contracts.fields import FieldMap
from adapters.contracts.writes import Settled, Settlement, Verb, Write, Writer
from adapters.salesforce import soql
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.record_id import canonical_id


class SalesforceWriter(Writer):
    """The writes of one org. ``marker`` is the column for the command's key; None where there is none."""

    verbs = frozenset({Verb.UPDATE_CUSTOMER})
    enforces_unmodified_since = verbs

    def __init__(self, client: SalesforceClient, fields: FieldMap, marker: str | None) -> None:
        self._client = client
        self._fields = fields
        self._marker = marker

    @property
    def columns(self) -> frozenset[str]:
        """Every column that a write can set."""
        writable = {field.name: None for field in self._fields if field.write is not None}
        return frozenset({*self._fields.patch(writable), *([self._marker] if self._marker else [])})

    async def perform(self, write: Write) -> str:
        """One PATCH. Salesforce compares ``unmodified_since`` with LastModifiedDate, by the second."""
        if write.verb not in self.verbs:
            raise Unsupported(f"Salesforce cannot do {write.verb.value}")
        patch = self._patch(write)
        record_id = canonical_id(write.record_id)
        if record_id is None:
            raise NotFound("Account: this is no Salesforce id")
        await self._client.update(self._fields.vendor_resource, record_id, patch, write.unmodified_since)
        return write.record_id

    async def settle(self, write: Write) -> Settled:
        """Whether the account carries the mark of the write.

        The mark stays until a later write of ours replaces it, and none does while this one is open: what
        is for one record is sent in order. Other people's changes leave it as it is. NOT_DONE is not final
        while the request is still under way: a patch that arrives after the question was answered is
        performed, and the same patch sent again then changes nothing.

        Without a marker, whether the columns are as the write wanted them, whoever brought that about: a
        write that was performed and then changed by somebody else reads as NOT_DONE, and is done again over
        their change. So does one whose value Salesforce keeps in another form (a trimmed text).
        """
        record_id = canonical_id(write.record_id)
        if write.verb not in self.verbs or record_id is None:
            return Settled(Settlement.NOT_DONE)
        patch = self._patch(write)
        wanted = patch if self._marker is None else {self._marker: patch[self._marker]}
        columns = ", ".join(dict.fromkeys(("Id", *wanted)))
        # Names come from validated settings, the id through a literal of ``soql``.
        asked = f"SELECT {columns} FROM {self._fields.vendor_resource}"  # noqa: S608
        batch = await self._client.query(f"{asked} WHERE {soql.any_id('Id')((record_id,))}")
        # A record that is gone has nothing left to do: the next attempt is told so.
        if any(_is_as(row, wanted) for row in batch.rows):
            return Settled(Settlement.DONE, write.record_id)
        return Settled(Settlement.NOT_DONE)

    def _patch(self, write: Write) -> Mapping[str, Any]:
        patch = self._fields.patch(write.changes)
        return patch if self._marker is None else {**patch, self._marker: write.key}


def _is_as(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if missing := wanted.keys() - row.keys():
        raise Malformed(f"Account: a row came without its {', '.join(sorted(missing))}")
    return all(row[column] == value for column, value in wanted.items())
