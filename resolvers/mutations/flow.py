"""The one flow of every mutation: check, locate, guard, accept, answer.

Nothing is sent upstream until the command is durable. What can be refused from the input, the schema or
the vendor's abilities is refused before anything is asked of any system; what needs a reading (a stale
``ifUnmodifiedSince``, what is due on an invoice) is refused before anything is accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import strawberry
from strawberry import Info
from strawberry.utils.str_converters import to_camel_case

from adapters.contracts.errors import SystemFault
from adapters.contracts.values import Address
from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from adapters.contracts.writes import WRITINGS, Verb
from resolvers.command import CommandObject, sees
from resolvers.command_port import Command, KeyReused, NewCommand
from resolvers.context import RequestContext
from resolvers.errors import fault_of
from resolvers.ids import BadId, Ref, decode_id
from resolvers.mutations.outcome import Outcome, Refused, mistakes_of, refusal
from resolvers.reference import wrong_type
from schema.enums import CommandStatus
from schema.mutation_inputs import AddressInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

MAX_KEY_LENGTH = 200
MAX_TEXT_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Record:
    """The record that is written, and what was looked up for it."""

    connection: str
    record_id: str
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])


Locate = Callable[[RequestContext, Ref], Awaitable[Record]]
"""Finds the record to write for a target. Raises ``Refused``, or a fault where it has to read."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A mutation as it was asked for.

    target:    the type that ``id`` must name; ``id_field`` is where the input has it.
    fields:    input field -> the entity's field that it sets, for those that were given.
    changes:   canonical field -> wanted value, as ``Write.changes``.
    """

    verb: Verb
    target: RecordType
    id: str
    id_field: str = "id"
    idempotency_key: str | None = None
    unmodified_since: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def carry_out(info: Info[Any, Any], ask: Ask, locate: Locate | None = None) -> Any:
    """Carries a mutation from its input to its payload."""
    context: RequestContext = info.context
    context.start(info)
    writing = WRITINGS[ask.verb]
    try:
        ref = _target(context, ask)
        _check(context, ask, writing.system)
        await _check_seen(context, ask, ref)
        command = await _accept(context, ask, ref, locate or _own_record)
    except Refused as refused:
        return refusal(refused.mistake)
    except SystemFault as error:
        # A reading that the write depends on failed: nothing was accepted.
        raise fault_of(error, writing.system) from error
    # What was read before the write says nothing about the object after it.
    context.forget()
    entity = await _result(context, command, ref)
    return Outcome(entity, CommandObject(command, context), mistakes_of(command))


async def act_on(info: Info[Any, Any], verb: Verb, writes: Writes, input: Any) -> Any:
    """Carries out a mutation whose input names an object and nothing more."""
    ask = Ask(
        verb,
        WRITINGS[verb].type,
        input.id,
        idempotency_key=text_or_none(input.idempotency_key),
        fields=writes.fields,
    )
    return await carry_out(info, ask)


def _target(context: RequestContext, ask: Ask) -> Ref:
    place = to_camel_case(ask.id_field)
    try:
        ref = decode_id(ask.id)
    except BadId:
        raise Refused(UserErrorCode.INVALID, f"{place}: not an id of this graph", place) from None
    if ref.type is not ask.target:
        raise Refused(UserErrorCode.INVALID, wrong_type(place, ref.type, ask.target), place)
    if ref.connection not in context.systems.connections(ANCHORS[ref.type], ref.type):
        message = f"{place}: the id names a connection that is not configured here"
        raise Refused(UserErrorCode.NOT_FOUND, message, place)
    return ref


def _check(context: RequestContext, ask: Ask, system: System) -> None:
    key = ask.idempotency_key
    if key is not None and not (0 < len(key) <= MAX_KEY_LENGTH and key.isprintable()):
        message = f"idempotencyKey: 1 to {MAX_KEY_LENGTH} printable characters"
        raise Refused(UserErrorCode.INVALID, message, "idempotencyKey")
    entity = WRITINGS[ask.verb].result.value
    for given, name in ask.fields.items():
        owner = context.ownership.owner(entity, name)
        if owner is not system:
            message = (
                f"{to_camel_case(given)}: belongs to {owner.value} here, "
                f"and {ask.verb.value} writes {system.value}"
            )
            raise Refused(UserErrorCode.NOT_OWNED, message, to_camel_case(given))
    for given, value in ask.changes.items():
        if isinstance(value, str) and (len(value) > MAX_TEXT_LENGTH or not value.strip()):
            message = f"{to_camel_case(given)}: 1 to {MAX_TEXT_LENGTH} characters; null clears it"
            raise Refused(UserErrorCode.INVALID, message, to_camel_case(given))


async def _check_seen(context: RequestContext, ask: Ask, ref: Ref) -> None:
    """To a viewer limited to some customers, what is another's is as if it did not exist."""
    if context.viewer.rows is not None and await context.existing(ref) is None:
        place = to_camel_case(ask.id_field)
        raise Refused(UserErrorCode.NOT_FOUND, f"{place}: there is no such {ask.target.value}", place)


async def _accept(context: RequestContext, ask: Ask, ref: Ref, locate: Locate) -> Command:
    fingerprint = _fingerprint(ask)
    known = None
    if ask.idempotency_key is not None:
        known = await context.commands.known(ask.verb, ask.idempotency_key)
    if known is not None and not sees(context.viewer, known):
        raise _key_reused()
    if known is not None:
        # The first asking looked everything up; asking again must not find another amount, or itself stale.
        record = Record(known.connection, known.record_id)
    else:
        record = await locate(context, ref)
        _check_vendor(context, ask.verb, record.connection)
    if known is None and ask.unmodified_since is not None:
        await _check_unmodified(context, ask, record, ask.unmodified_since)
    writing = WRITINGS[ask.verb]
    new = NewCommand(
        verb=ask.verb,
        system=writing.system,
        connection=record.connection,
        record_type=writing.type,
        record_id=record.record_id,
        target=ref.encode(),
        correlation_id=context.correlation_id,
        fingerprint=fingerprint,
        changes={**ask.changes, **record.changes},
        options=ask.options,
        unmodified_since=ask.unmodified_since,
        idempotency_key=ask.idempotency_key,
        requested_by=context.viewer.subject,
    )
    try:
        command = await context.commands.submit(new)
    except KeyReused:
        raise _key_reused() from None
    if not sees(context.viewer, command):
        # Somebody else came first with this key and input, between our looking and our asking.
        raise _key_reused()
    return command


def _key_reused() -> Refused:
    message = "idempotencyKey: was used before, with another input"
    return Refused(UserErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")


def _check_vendor(context: RequestContext, verb: Verb, connection: str) -> None:
    writer = context.systems.writer(connection)
    if writer is None or verb not in writer.verbs:
        vendor = context.systems.vendor(connection)
        raise Refused(UserErrorCode.UNSUPPORTED, f"{verb.value}: {vendor} cannot do it")


async def _check_unmodified(context: RequestContext, ask: Ask, record: Record, since: datetime) -> None:
    """Refuses what is stale already, where the vendor would not; before sending, it is read again."""
    writer = context.systems.writer(record.connection)
    if writer is not None and ask.verb in writer.enforces_unmodified_since:
        return
    record_type = WRITINGS[ask.verb].type
    fields = context.systems.resource(record.connection, record_type).fields
    if "updated_at" not in fields:
        vendor = context.systems.vendor(record.connection)
        raise Refused(
            UserErrorCode.UNSUPPORTED,
            f"ifUnmodifiedSince: {vendor} does not say when records change",
            "ifUnmodifiedSince",
        )
    rows = await context.systems.read_many(
        record.connection, record_type, [record.record_id], frozenset({"updated_at"})
    )
    row = rows.get(record.record_id)
    if row is None:
        raise Refused(UserErrorCode.NOT_FOUND, f"there is no such {ask.target.value}", ask.id_field)
    changed = fields.read(row, "updated_at")
    if changed is not None and changed > since:
        raise Refused(
            UserErrorCode.CONFLICT, "the record changed after ifUnmodifiedSince", "ifUnmodifiedSince"
        )


async def _own_record(_: RequestContext, ref: Ref) -> Record:
    return Record(ref.connection, ref.record_id)


async def _result(context: RequestContext, command: Command, ref: Ref) -> Any:
    if command.status is CommandStatus.REJECTED:
        return None
    writing = WRITINGS[command.verb]
    if not context.viewer.reads(writing.result.value):
        # The field of the payload says so; nothing is read for it.
        return None
    if writing.result is ref.type:
        return await context.existing(ref)
    if command.result_id is None:
        return None
    return await context.existing(Ref(writing.result, command.connection, command.result_id))


def _fingerprint(ask: Ask) -> str:
    """Equal for equal inputs, and only for them."""
    plain = msgspec.json.encode(
        [ask.verb.value, ask.id, ask.unmodified_since, ask.changes, ask.options],
        enc_hook=str,
        order="deterministic",
    )
    return hashlib.sha256(plain).hexdigest()


def given(source: Any, *names: str) -> dict[str, Any]:
    """The fields of an input that the caller gave, null included; addresses as values."""
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(source, name)
        if value is strawberry.UNSET:
            continue
        found[name] = _address(value) if isinstance(value, AddressInput) else value
    return found


def text_or_none(value: Any) -> Any:
    """An optional argument: what was given, None where nothing was."""
    return None if value is strawberry.UNSET else value


def _address(value: AddressInput) -> Address:
    parts = ("line1", "line2", "city", "region", "postal_code", "country")
    return Address(**{part: text_or_none(getattr(value, part)) for part in parts})
