"""Changes of records: create, update, upsert, delete, by the org's rules.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_basic_info_post.htm,
.../resources_sobject_retrieve_patch.htm, .../resources_sobject_upsert_patch.htm,
.../resources_sobject_retrieve_delete.htm. Salesforce knows no idempotency key: what is sent twice is done
twice. An update that leaves every column as it was still moves the dates, and is no effect.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.emulation.journal import Effect, note_effect
from adapters.emulation.store import transaction
from adapters.salesforce.emulator.errors import ApiError, not_found, refused
from adapters.salesforce.emulator.objects import Entity, entity_named
from adapters.salesforce.emulator.sessions import RUN_AS_USER_ID
from adapters.salesforce.emulator.translation import stored_time
from adapters.salesforce.emulator.values import stored_values
from adapters.salesforce.record_id import with_suffix

STATES = (
    "CREATE TABLE IF NOT EXISTS salesforce_deleted (id TEXT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS salesforce_lock (id TEXT PRIMARY KEY, code TEXT NOT NULL)",
)
"""Records in the recycle bin, and records that cannot be changed now. ``code`` says why: ENTITY_IS_LOCKED, by
an approval process; UNABLE_TO_LOCK_ROW, by somebody else's transaction."""

_LOCKED: Mapping[str, str] = {
    "ENTITY_IS_LOCKED": "the entity is locked for editing",
    "UNABLE_TO_LOCK_ROW": "unable to obtain exclusive access to this record or 1 records",
}
_ALLOW_SAVE = re.compile(r"\ballowSave\s*=\s*true\b", re.IGNORECASE)
_MATCHED = frozenset({"Name", "Website"})
MARKER = "Fieldgate_Command__c"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A validation rule: no record may be saved whose column has another form. The words are the org's."""

    column: str
    must_match: str
    message: str


RULES: Mapping[str, Sequence[_Rule]] = {
    "Account": (_Rule("Phone", r"(?:\D*\d){5}.*", "A phone number has at least five digits."),)
}


class Changes:
    """The writes of one org. Each is whole or not at all, with its line in the journal."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    def create(self, entity: Entity, given: Mapping[str, Any], options: Mapping[str, str]) -> str:
        """The id of the new record; it belongs to the run-as user where no owner is given."""
        self._require_access(entity)
        values = stored_values(self._store, entity, given)
        owner = {"OwnerId": RUN_AS_USER_ID} if any(c.name == "OwnerId" for c in entity.columns) else {}
        record_id = with_suffix(f"{entity.prefix}5g0{secrets.token_hex(5)[:9]}")
        now = _now()
        dates = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
        record = {**owner, **values, "Id": record_id, **dates}
        missing = [
            column.name for column in entity.columns if column.required and record.get(column.name) is None
        ]
        if missing:
            raise refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: {missing}", *missing)
        self._check_rules(entity, record)
        self._check_duplicates(entity, record, options)
        columns = ", ".join(f'"{name}"' for name in record)
        places = ", ".join("?" for _ in record)
        with self.unit():
            self._store.execute(
                f"INSERT INTO {entity.table} ({columns}) VALUES ({places})",
                list(record.values()),
            )
            self._note("create", entity, record_id, values)
        return record_id

    def update(
        self, entity: Entity, record_id: str, given: Mapping[str, Any], options: Mapping[str, str]
    ) -> None:
        """Sets the given columns; null clears one."""
        self._require_access(entity)
        before = self.record(entity, record_id)
        values = stored_values(self._store, entity, given)
        self._check_lock(record_id)
        changed = {name for name, value in values.items() if before[name] != value}
        self._check_rules(entity, {**before, **values})
        if changed & _MATCHED:
            self._check_duplicates(entity, {**before, **values}, options)
        now = _now()
        new = {**values, "LastModifiedDate": now, "SystemModstamp": now}
        columns = ", ".join(f'"{name}" = ?' for name in new)
        with self.unit():
            self._store.execute(
                f'UPDATE {entity.table} SET {columns} WHERE "Id" = ?',
                [*new.values(), record_id],
            )
            if changed:
                self._note("update", entity, record_id, values)

    def delete(self, entity: Entity, record_id: str) -> None:
        """Into the recycle bin, the children too."""
        self._require_access(entity)
        self.record(entity, record_id)
        self._check_lock(record_id)
        with self.unit():
            for child, key in entity.children.values():
                for row in self._rows(entity_named(child), key, record_id):
                    self._drop(entity_named(child), row["Id"])
            self._drop(entity, record_id)
            self._note("delete", entity, record_id, {})

    def record(self, entity: Entity, record_id: str) -> dict[str, Any]:
        """All columns of one record. Raises ENTITY_IS_DELETED or NOT_FOUND."""
        found = self._rows(entity, "Id", record_id)
        if found:
            return found[0]
        if self._store.execute("SELECT 1 FROM salesforce_deleted WHERE id = ?", (record_id,)).fetchone():
            raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", fields=[])
        raise not_found()

    def unit(self) -> AbstractContextManager[None]:
        """A transaction, or the one that is under way."""
        return contextlib.nullcontext() if self._store.in_transaction else transaction(self._store)

    def _rows(self, entity: Entity, column: str, value: str) -> list[dict[str, Any]]:
        rows = self._store.execute(f'SELECT * FROM {entity.table} WHERE "{column}" = ?', (value,))
        return [dict(row) for row in rows]

    def _drop(self, entity: Entity, record_id: str) -> None:
        self._store.execute(f'DELETE FROM {entity.table} WHERE "Id" = ?', (record_id,))
        self._store.execute("INSERT OR IGNORE INTO salesforce_deleted VALUES (?)", (record_id,))

    def _note(self, action: str, entity: Entity, record_id: str, values: Mapping[str, Any]) -> None:
        effect = Effect("salesforce", f"{action} {entity.name}", record_id, values.get(MARKER))
        note_effect(self._store, effect)

    @staticmethod
    def _require_access(entity: Entity) -> None:
        if not entity.writable:
            raise ApiError(
                400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", fields=[]
            )

    def _check_lock(self, record_id: str) -> None:
        found = self._store.execute("SELECT code FROM salesforce_lock WHERE id = ?", (record_id,)).fetchone()
        if found is not None:
            raise refused(found[0], _LOCKED[found[0]])

    @staticmethod
    def _check_rules(entity: Entity, record: Mapping[str, Any]) -> None:
        for rule in RULES.get(entity.name, ()):
            value = record.get(rule.column)
            if value is not None and re.fullmatch(rule.must_match, value, re.DOTALL) is None:
                raise refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, rule.column)

    def _check_duplicates(
        self, entity: Entity, record: Mapping[str, Any], options: Mapping[str, str]
    ) -> None:
        """The org's duplicate rule: two accounts do not share name and website, unless the caller insists.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_duplicaterules.htm
        """
        found = self._store.execute(
            'SELECT "Id" FROM salesforce_account WHERE "Name" = ? AND "Website" = ? AND "Id" <> ?',
            (record.get("Name"), record.get("Website"), record["Id"]),
        ).fetchone()
        if found is None or _ALLOW_SAVE.search(options.get("sforce-duplicate-rule-header", "")):
            return
        result = {
            "allowSave": True,
            "duplicateRule": "Same_Name_And_Website",
            "duplicateRuleEntityType": entity.name,
            "errorMessage": "Use one of these records?",
            "matchResults": [
                {
                    "entityType": entity.name,
                    "matchRecords": [
                        {
                            "record": {"attributes": {"type": entity.name}, "Id": found[0]},
                            "matchConfidence": 100.0,
                        }
                    ],
                    "rule": "Same_Name_And_Website",
                    "size": 1,
                    "success": True,
                }
            ],
        }
        raise ApiError(400, "DUPLICATES_DETECTED", "Use one of these records?", duplicateResult=result)


def _now() -> str:
    """The platform's dates have no fraction of a second."""
    return stored_time(datetime.now(UTC).replace(microsecond=0))
