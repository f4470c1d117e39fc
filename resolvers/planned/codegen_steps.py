"""Generated assembly of what is not a page: the record of a relation, the object that a link names, sums.

What is given is the inside of an f-string: see ``codegen_text``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from resolvers.planned.codegen_text import object_of, text_of
from resolvers.planned.plan import (
    FieldPlan,
    ObjectPlan,
    OneStep,
    RecordsStep,
    ReferenceStep,
    RevenueStep,
    RootStep,
)
from resolvers.planned.planner import ENTITIES
from resolvers.ports import Systems


class StepCode:
    """Makes text of what such steps found for an object, whose id is ``own``.

    A fault in its place has no such attributes: the code raises, and the careful way takes over.

    name:      a new name, bound to a value where one is given.
    sole:      the one connection of a system; raises where there are several.
    objects:   the function from rows of an entity to the texts of its objects.
    leaf:      the value of a field from a row, by its field map.
    write:     a canonical value as JSON has it.
    bindings:  lines at the head of the generated function; ``functions`` those that define others.
    """

    def __init__(
        self,
        systems: Systems,
        name: Callable[..., str],
        sole: Callable[[System, RecordType], str],
        objects: Callable[[ObjectPlan], str],
        leaf: Callable[[FieldPlan, Any, str, list[str]], str],
        write: Callable[[Any, FieldPlan, str], str],
        bindings: list[str],
        functions: list[str],
    ) -> None:
        self._systems = systems
        self._name = name
        self._sole = sole
        self._objects = objects
        self._leaf = leaf
        self._write = write
        self._bindings = bindings
        self._functions = functions

    def field(self, field: FieldPlan, connection: str, body: list[str]) -> str | None:
        """A field of an object of a connection; None where there is no code for it."""
        step = field.step
        if not isinstance(step, OneStep | ReferenceStep | RevenueStep | RecordsStep):
            return None
        found, value = self._name("e"), self._name("v")
        self._bindings.append(f"{found} = (results[{step.index}] or {{}}).get({connection!r})")
        body.append(f"{value} = {found}[own]")
        if isinstance(step, OneStep):
            return f"{{null if {value} is None else {self._record(step, field)}({value}.row)}}"
        if isinstance(step, ReferenceStep):
            return self._item(field, value)
        return self._write(field.type, field, value)

    def node(self, field: FieldPlan, lines: list[str]) -> str:
        """What ``node`` and ``nodes`` found; not for the gateway's own objects."""
        step = field.step
        assert isinstance(step, RootStep)
        found = self._name("r")
        self._bindings.append(f"{found} = results[{step.index}]")
        if field.name == "node":
            return self._item(field, found)
        item, texts = self._name("x"), self._name("v")
        lines.append(f"{texts} = [{text_of(self._item(field, item))} for {item} in {found}]")
        return f"[{{joined({texts})}}]"

    def _item(self, field: FieldPlan, item: str) -> str:
        """An object of a system, of whatever type, or null."""
        makes: list[str] = []
        for type_name, plan in field.children.items():
            record_type = ENTITIES.get(type_name)
            if record_type is not None:
                self._sole(ANCHORS[record_type], record_type)
                makes.append(f"{self._name('k', record_type)}: {self._objects(plan)}")
        by_type = self._name("k")
        self._functions.append(f"{by_type} = {{{', '.join(makes)}}}")
        return f"{{null if {item} is None else {by_type}[{item}.type]((row_of({item}),))[0]}}"

    def _record(self, step: OneStep, field: FieldPlan) -> str:
        """The function from the row of a record without identity to its object's text."""
        connection = self._sole(step.edge.system, step.edge.child)
        fields = self._systems.resource(connection, step.edge.child).fields
        (plan,) = field.children.values()
        body: list[str] = []
        inside = object_of(plan, lambda each: self._leaf(each, fields, "row", body))
        name = self._name("o")
        self._functions += [
            f"def {name}(row):",
            *(f"    {line}" for line in body),
            f"    return {text_of(inside)}",
        ]
        return name
