"""Which fields tell of a person, read from the declarations beside them."""

from __future__ import annotations

from strawberry.types.base import StrawberryObjectDefinition, get_object_definition

from schema.command import Command
from schema.directives import Personal
from schema.ownership import ENTITIES
from schema.scopes import Key
from schema.values import Address, PaymentMethod, Person

_TYPES: tuple[type, ...] = (*ENTITIES, Address, PaymentMethod, Person, Command)


def personal_fields() -> frozenset[Key]:
    """The fields that are declared ``@personal``, by type and name as Python spells it. All are text."""
    found: set[Key] = set()
    for each in _TYPES:
        definition: StrawberryObjectDefinition = get_object_definition(each, strict=True)
        found |= {
            (definition.name, field.python_name)
            for field in definition.fields
            if any(isinstance(directive, Personal) for directive in field.directives)
        }
    return frozenset(found)
