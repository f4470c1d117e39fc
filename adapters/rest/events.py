"""The events of a REST system, by configuration: webhooks, whose parts the settings say where to find.

Such a system has no list of events that all of its kind would have in common: what it could not deliver, it
has to send again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, cast

import msgspec

from adapters.contracts.convert import utc_from_iso
from adapters.contracts.errors import Malformed
from adapters.contracts.events import EventSource, Notice
from adapters.contracts.fields import FieldMap
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.rest.canonical import FIELDS
from adapters.rest.conversion import TIMES, text, whole
from adapters.rest.event_form import EventForm, EventKind, VersionForm
from adapters.rest.faults import Faults
from adapters.rest.path import Getter, getter
from adapters.rest.proof import verify

_CUSTOMER = link_field(RecordType.CUSTOMER, System.CRM)

_decode = msgspec.json.Decoder(float_hook=Decimal).decode

_SMALL = 2**63
"""Versions are kept in 64 bits."""


class RestEvents(EventSource):
    """The webhooks of one connection. ``maps`` read the records that events carry."""

    webhooks = True

    def __init__(self, form: EventForm, maps: Mapping[RecordType, FieldMap]) -> None:
        self._form = form
        self._maps = maps
        self._id, self._type = getter(form.id), getter(form.type)
        self._moment = getter(form.occurred_at.path)
        self._to_moment = TIMES[datetime, form.occurred_at.form]
        self._record = None if form.record is None else getter(form.record)
        self._record_id = None if form.record_id is None else getter(form.record_id)
        self._version = None if form.version is None else _version(form.version)
        self._kinds = form.kinds
        self.gives = frozenset(kind.event for kind in form.kinds.values() if kind.event is not None)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime, path_secret: str | None) -> None:
        verify(self._form.proof, headers, body)

    def key(self, body: bytes) -> str:
        return self._key(_event(body))

    def parse(self, body: bytes) -> Sequence[Notice]:
        event = _event(body)
        key, name = self._key(event), self._read(self._type, event)
        if not isinstance(name, str):
            raise Malformed(f"there is no type at {self._form.type}")
        kind = self._kinds.get(name)
        if kind is None:
            return ()
        try:
            return (self._notice(key, event, kind),)
        except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise Malformed("the event is not as the settings of the connection say") from error

    def _notice(self, key: str, event: Any, kind: EventKind) -> Notice:
        occurred_at = self._to_moment(self._moment(event))
        if occurred_at is None:
            raise ValueError("an event has a time")
        record_id, status, customer = self._about(event, kind)
        return Notice(
            key=key,
            type=kind.record,
            record_id=record_id,
            occurred_at=occurred_at,
            event=kind.event,
            status=None if kind.deleted else status,
            version=None if self._version is None else self._version(event),
            customer_in_crm=customer,
            summary=f"{record_id} {kind.words}",
            deleted=kind.deleted,
        )

    def _about(self, event: Any, kind: EventKind) -> tuple[str, Enum | None, str | None]:
        """The record's id, its status, and whose it is, as far as the event says so."""
        told = None if kind.status is None else FIELDS[kind.record]["status"][kind.status]
        if self._record is None:
            assert self._record_id is not None
            return _needed(text(self._record_id(event))), told, None
        row = self._record(event)
        if not isinstance(row, dict):
            raise TypeError("a record is an object")
        fields = self._maps[kind.record]
        known = fields.supplies()
        record = cast("dict[str, Any]", row)
        if told is None and "status" in known:
            read = fields.read(record, "status")
            # A status that is not told, or in no table, is no news: the record is then read.
            told = None if read is None or read.name == "UNKNOWN" else read
        customer = fields.read(record, _CUSTOMER) if _CUSTOMER in known else None
        return _needed(fields.read(record, "id")), told, customer

    def _key(self, event: Any) -> str:
        found = self._read(self._id, event)
        if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
            raise Malformed(f"there is no id at {self._form.id}")
        return str(found)

    def _read(self, get: Getter, event: Any) -> Any:
        try:
            return get(event)
        except TypeError as error:
            raise Malformed("the event is not as the settings of the connection say") from error


def check_kinds(form: EventForm, resources: Iterable[RecordType], faults: Faults) -> None:
    """Adds to ``faults`` what of the kinds does not fit together with the resources."""
    known = list(resources)
    for name, kind in form.kinds.items():
        if kind.record not in known:
            names = [record_type.value for record_type in known]
            faults.unknown(("kinds", name, "record"), "not among the resources", kind.record.value, names)
            continue
        statuses = FIELDS[kind.record].get("status")
        members: list[str] = []
        if isinstance(statuses, type) and issubclass(statuses, Enum):
            members = list(statuses.__members__)
        if kind.status is not None and kind.status not in members:
            what = f"{kind.record.value} has no such status"
            faults.unknown(("kinds", name, "status"), what, kind.status, members)


def _event(body: bytes) -> Any:
    try:
        event = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the body is not JSON") from error
    if not isinstance(event, dict):
        raise Malformed("the body is not an object")
    return cast("dict[str, Any]", event)


def _needed(record_id: str | None) -> str:
    if not record_id:
        raise ValueError("an event is about a record")
    return record_id


def _version(form: VersionForm) -> Getter:
    get = getter(form.path)

    def number(event: Any) -> int:
        found = whole(get(event))
        if found is None or not -_SMALL <= found < _SMALL:
            raise ValueError("not a version")
        return found

    def moment(event: Any) -> int:
        found = utc_from_iso(get(event))
        if found is None:
            raise ValueError("not a version")
        return int(found.timestamp() * 1_000_000)

    return number if form.form == "number" else moment
