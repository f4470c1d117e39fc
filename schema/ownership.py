"""Who owns what, read from the declarations beside the fields. Everything else asks this table.

Building the schema checks it: every field of an entity has an authority, and every input of a mutation
holds only fields that the mutation's system owns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.utils.str_converters import to_camel_case

from adapters.contracts.vocabulary import System
from schema.customer import Customer
from schema.directives import Authority, Derived
from schema.invoice import Invoice
from schema.payment import Payment
from schema.subscription import Subscription

ENTITIES: tuple[type, ...] = (Customer, Subscription, Invoice, Payment)


class OwnershipError(Exception):
    """The schema cannot be built: a field has no authority, or an input crosses its system's border."""


@dataclass(frozen=True, slots=True)
class OwnedField:
    """One field of an entity and its system of record.

    name:     as Python spells it (``legal_name``); ``graph_name`` as the contract does.
    relation: whether it leads to other objects; a relation stays with the system that knows it.
    """

    type: str
    name: str
    system: System
    writable: bool
    derived_from: tuple[System, ...] = ()
    relation: bool = False

    @property
    def graph_name(self) -> str:
        return to_camel_case(self.name)

    @property
    def key(self) -> str:
        return f"{self.type}.{self.graph_name}"


@dataclass(frozen=True, slots=True)
class Writes:
    """What a mutation writes: fields of one entity, in one system.

    fields: input field -> the entity's field it sets, both as Python spells them.
    input:  the mutation's input type; every field of it must be in ``fields``, ``options`` or ``CONTROLS``.
    options: input fields that say how, and set nothing.
    """

    mutation: str
    system: System
    entity: str
    fields: Mapping[str, str]
    input: type | None = None
    options: frozenset[str] = frozenset()


CONTROLS = frozenset({"id", "invoice_id", "idempotency_key", "if_unmodified_since"})
"""Input fields that name the object or guard the write, and set nothing."""


@dataclass(frozen=True)
class Ownership:
    """The table, with a configuration's overrides applied."""

    fields: Mapping[tuple[str, str], OwnedField]
    mutations: tuple[Writes, ...] = field(default=())

    def __iter__(self) -> Any:
        return iter(self.fields.values())

    def owner(self, entity: str, name: str) -> System:
        """The system of record of a field, by its Python name. KeyError for no such field."""
        return self.fields[entity, name].system

    def mutations_of(self, owned: OwnedField) -> list[str]:
        """The mutations that write a field."""
        return [
            writes.mutation
            for writes in self.mutations
            if writes.entity == owned.type and owned.name in writes.fields.values()
        ]

    def overridden(self, overrides: Mapping[str, System]) -> Ownership:
        """The table with other owners for some fields, ``{"Customer.phone": System.ERP}``.

        A field moved away from the system its mutation writes is no longer writable. Raises
        ``OwnershipError`` for a field that does not exist, or whose owner cannot be changed.
        """
        fields = dict(self.fields)
        by_key = {entry.key: entry for entry in fields.values()}
        for key, system in overrides.items():
            entry = by_key.get(key)
            if entry is None:
                raise OwnershipError(f"ownership: there is no field {key}")
            if entry.relation or entry.derived_from or entry.system is System.GATEWAY:
                raise OwnershipError(f"ownership: the owner of {key} is part of the contract")
            moved = entry.system is not system
            fields[entry.type, entry.name] = replace(
                entry, system=system, writable=entry.writable and not moved
            )
        return replace(self, fields=fields)


def declared_ownership(entities: Iterable[type] = ENTITIES, mutations: Iterable[Writes] = ()) -> Ownership:
    """The table as the declarations beside the fields say. Raises ``OwnershipError`` with the names."""
    fields: dict[tuple[str, str], OwnedField] = {}
    for entity in entities:
        definition: StrawberryObjectDefinition = get_object_definition(entity, strict=True)
        for declared in definition.fields:
            if declared.python_name == "id":
                continue
            entry = _owned_field(definition.name, declared)
            fields[entry.type, entry.name] = entry
    ownership = Ownership(fields, tuple(mutations))
    _check_mutations(ownership)
    return ownership


def _owned_field(entity: str, declared: Any) -> OwnedField:
    for directive in declared.directives:
        if isinstance(directive, Authority):
            return OwnedField(
                entity,
                declared.python_name,
                directive.system,
                directive.writable,
                relation=declared.base_resolver is not None,
            )
        if isinstance(directive, Derived):
            return OwnedField(
                entity, declared.python_name, System.GATEWAY, False, derived_from=tuple(directive.from_)
            )
    raise OwnershipError(f"{entity}.{to_camel_case(declared.python_name)} has no authority")


def _check_mutations(ownership: Ownership) -> None:
    for writes in ownership.mutations:
        for name in _stray_inputs(writes):
            raise OwnershipError(
                f"{writes.mutation}: input field {to_camel_case(name)} sets no field of {writes.entity} that "
                f"{writes.system.value} owns"
            )
        for given, name in writes.fields.items():
            entry = ownership.fields.get((writes.entity, name))
            if entry is None:
                raise OwnershipError(
                    f"{writes.mutation}: input field {to_camel_case(given)} sets no field of {writes.entity}"
                )
            if entry.system is not writes.system or not entry.writable:
                why = (
                    "is not writable" if entry.system is writes.system else f"belongs to {entry.system.value}"
                )
                raise OwnershipError(f"{writes.mutation} writes {writes.system.value}, but {entry.key} {why}")


def _stray_inputs(writes: Writes) -> list[str]:
    if writes.input is None:
        return []
    definition: StrawberryObjectDefinition = get_object_definition(writes.input, strict=True)
    known = writes.fields.keys() | writes.options | CONTROLS
    return [each.python_name for each in definition.fields if each.python_name not in known]
