"""Generated assembly: for each selection set a function that turns rows into the text of their objects.

The code is optimistic. It reads leaves straight from the vendors' rows, checks the type of each, and raises
at whatever it does not expect: a fault, a value of another type, a null where none may be. Then the whole
answer is assembled again by ``assemble``, which has every rule. Code is generated for plans whose systems
have one connection each; others are assembled value by value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import GraphQLNonNull

from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from resolvers.cursors import Place, encode_cursor
from resolvers.planned.codegen_leaves import NAMES, LeafCode, Odd, row_of
from resolvers.planned.codegen_rows import all_of, in_blocks, listed_rows, lists_of, places_of
from resolvers.planned.codegen_steps import StepCode
from resolvers.planned.codegen_text import (
    Choice,
    Ungenerated,
    added,
    an_object,
    chosen,
    lines_of,
    object_of,
    text_of,
    usual_of,
)
from resolvers.planned.ids import id_encoder
from resolvers.planned.plan import EdgeStep, FieldPlan, ObjectPlan, Plan, RootStep
from resolvers.planned.planner import ENTITIES, ROOT_LISTS
from resolvers.ports import Systems
from resolvers.viewer import Access

__all__ = ["Odd", "compiled"]


def _cursor(list_name: str, connection: str, position: str) -> str:
    """A cursor, of letters that stand in JSON as they are."""
    return f'"{encode_cursor(list_name, Place(connection, position))}"'


_ROWS_ALONE = frozenset({"nodes", "__typename"})
"""What of a page is made of its rows, and of nothing else."""


def compiled(plan: Plan, systems: Systems) -> Callable[[Any], str]:
    """The function that makes the JSON of an answer's data from a ``Fetch``; null for what is refused.

    It raises ``Odd``, or anything else, where the answer has to be assembled value by value. Raises
    ``Ungenerated`` where there is no such function.
    """
    if plan.sifts:
        raise Ungenerated("the caller sees a part of its lists only")
    for each in plan.fields:
        _check_access(each)
    making = _Making(plan, systems)
    source = making.source()
    names: dict[str, Any] = making.names
    exec(compile(source, "<plan>", "exec"), names)  # noqa: S102 - made of names and numbers of the plan
    assemble: Callable[[Any], str] = names["assemble"]
    assemble.__doc__ = source
    return assemble


def _check_access(field: FieldPlan) -> None:
    """Raises ``Ungenerated`` for masked values that are not plain text."""
    if field.access is Access.MASKED and getattr(_required(field.type), "name", "") != "String":
        raise Ungenerated(f"{field.parent}.{field.graph_name} is {field.access.value.lower()}")


def _required(graph_type: Any) -> Any:
    return cast(Any, graph_type).of_type if isinstance(graph_type, GraphQLNonNull) else graph_type


@dataclass(slots=True)
class _Level:
    """What is done for all rows of one place at once.

    lines:   before the rows are gone through.
    columns: what goes through beside each row, and the list that it comes from.
    after:   at the end of each row.
    """

    lines: list[str] = field(default_factory=list[str])
    columns: dict[str, str] = field(default_factory=dict[str, str])
    after: list[str] = field(default_factory=list[str])


class _Making:
    def __init__(self, plan: Plan, systems: Systems) -> None:
        self._plan = plan
        self._systems = systems
        self._functions: list[str] = []
        self._bindings: list[str] = []
        self._count = 0
        self._last: list[str] = []
        self.names: dict[str, Any] = {
            **NAMES,
            "lists_of": lists_of,
            "all_of": all_of,
            "in_blocks": in_blocks,
            "listed_rows": listed_rows,
            "places_of": places_of,
            "row_of": row_of,
            "cursor": _cursor,
        }
        self._leaves = LeafCode(self._name, self.names, self._functions)
        self._steps = StepCode(
            systems,
            self._name,
            self._sole,
            self._objects,
            self._leaves.leaf,
            self._leaves.write,
            self._bindings,
            self._functions,
        )

    def source(self) -> str:
        inside = object_of(self._plan.root, self._root)
        lines = ["def assemble(fetch):", "    results = fetch.results"]
        lines += [f"    {line}" for line in (*self._bindings, *self._functions, *self._last)]
        return "\n".join([*lines, f"    return {text_of(inside)}", ""])

    def _name(self, stem: str, value: Any = None) -> str:
        self._count += 1
        name = f"{stem}{self._count}"
        if value is not None:
            self.names[name] = value
        return name

    def _sole(self, system: System, record_type: RecordType) -> str:
        names = self._systems.connections(system, record_type)
        if len(names) != 1:
            raise Ungenerated(f"{system.value} has {len(names)} connections")
        return names[0]

    def _root(self, field: FieldPlan) -> str:
        if field.access is Access.FORBIDDEN:
            return "null"
        step = field.step
        if not isinstance(step, RootStep):
            raise Ungenerated(field.name)
        if field.name in {"node", "nodes"}:
            return self._steps.node(field, self._last)
        record_type = _BY_ID.get(field.name)
        if record_type is not None:
            self._sole(ANCHORS[record_type], record_type)
            make = self._objects(field.children[record_type.value])
            item = self._name("r")
            self._bindings.append(f"{item} = results[{step.index}]")
            return f"{{null if {item} is None else {make}((row_of({item}),))[0]}}"
        record_type = ROOT_LISTS.get(field.name)
        if record_type is None:
            raise Ungenerated(field.name)
        self._sole(ANCHORS[record_type], record_type)
        listed, rows = self._name("r"), self._name("r")
        self._bindings += [
            f"{listed} = results[{step.index}]",
            f"{rows} = listed_rows({listed}.kids)",
        ]
        return self._page(
            field,
            record_type,
            lambda make: f"in_blocks({make}, {rows}, fetch.objects_listed)",
            lambda make: f"joined(in_blocks({make}, {rows}, fetch.objects_listed))",
            self._last,
            any_rows=rows,
            places=f"places_of({listed}.kids)",
            has_more=f"{listed}.kids.has_more",
            list_name=f"{listed}.name",
            after=f"{listed}.after",
        )

    def _objects(self, plan: ObjectPlan) -> str:
        """The function from rows of an entity to a list of their objects' texts, whoever they belong to.

        What can be done for all rows at once is, the objects below them included: each parent then takes its
        own out of the list of all.
        """
        record_type = ENTITIES[plan.type_name]
        connection = self._sole(ANCHORS[record_type], record_type)
        fields = self._systems.resource(connection, record_type).fields
        whole = _Level()
        body: list[str] = []
        choices: list[Choice] = []
        if plan.slices or plan.steps or any(field.name == "id" for field in plan.fields):
            whole.lines.append(f"owns = {self._name('f', fields.texts('id'))}(rows)")
        if plan.slices or not all(isinstance(step, EdgeStep) for step in plan.steps):
            whole.columns["own"] = "owns"
        slices: dict[System, tuple[str, Any]] = {}
        for step in plan.slices:
            there = self._sole(step.system, RecordType.CUSTOMER)
            found, row = self._name("s"), self._name("w")
            self._bindings.append(f"{found} = (results[{step.index}] or {{}}).get({connection!r})")
            body += [
                f"{row} = {found}[own]",
                f"if {row} is not None: {row} = {row}[0]",
            ]
            slices[step.system] = (row, self._systems.resource(there, RecordType.CUSTOMER).fields)
        inside = object_of(
            plan, lambda field: self._field(plan, field, connection, fields, slices, whole, body, choices)
        )
        name = self._name("o")
        names, lists = ", ".join(["row", *whole.columns]), ", ".join(["rows", *whole.columns.values()])
        self._functions += [
            f"def {name}(rows):",
            *(f"    {line}" for line in whole.lines),
            "    out = []",
            f"    for {names} in {lists if not whole.columns else f'zip({lists})'}:",
            *(f"        {line}" for line in (*body, *added(inside, choices), *whole.after)),
            "    return out",
        ]
        return name

    def _field(
        self,
        plan: ObjectPlan,
        field: FieldPlan,
        connection: str,
        fields: Any,
        slices: dict[System, tuple[str, Any]],
        whole: _Level,
        body: list[str],
        choices: list[Choice],
    ) -> str:
        if field.access is Access.FORBIDDEN:
            return "null"
        if field.name == "id":
            if "global_id" not in whole.columns:
                encode = self._name("i", id_encoder(ENTITIES[plan.type_name], connection))
                whole.lines.append(f"ids = {encode}(owns)")
                whole.columns["global_id"] = "ids"
            return '"{global_id}"'
        if field.system is not None:
            if field.system is ANCHORS[ENTITIES[plan.type_name]]:
                return self._leaves.leaf(field, fields, "row", body, choices)
            row, of = slices[field.system]
            inner: list[str] = []
            taken: list[Choice] = []
            value = self._leaves.leaf(field, of, row, inner, taken)
            result = self._name("v")
            if not taken:
                body += chosen(result, [(f"{row} is None", (), "null"), ("", inner, text_of(value))])
                return f"{{{result}}}"
            body += [f"if {row} is not None:", *(f"    {line}" for line in inner)]
            lines = chosen(result, [(f"{row} is None", (), "null"), ("", lines_of(taken), text_of(value))])
            condition, usual = usual_of(value, taken)
            choices.append(Choice(result, lines, (f"{row} is not None and {condition}", usual)))
            return f"{{{result}}}"
        step = field.step
        if not isinstance(step, EdgeStep):
            value = self._steps.field(field, connection, body)
            if value is None:
                raise Ungenerated(f"{plan.type_name}.{field.graph_name}")
            return value
        self._sole(step.edge.system, step.edge.child)
        found, page, after = self._name("e"), self._name("p"), self._name("a")
        start, end = self._name("at"), self._name("end")
        self._bindings += [
            f"{found} = (results[{step.index}] or {{}}).get({connection!r})",
            f"{after} = {self._name('g', field.arguments)}.values(fetch.variables).get('after')",
        ]
        whole.lines += [f"{page}s = lists_of({found}, owns)", f"{start} = 0"]
        count = f"{page}n"
        whole.columns[count] = f"map(len, {page}s)"
        whole.after.append(f"{start} = {end}")
        body.append(f"{end} = {start} + {count}")
        (shown,) = field.children.values()
        if any(each.name not in _ROWS_ALONE for each in shown.fields):
            whole.lines.append(f"{page}p = [{found}[own] for own in owns]")
            whole.columns[page] = f"{page}p"

        def made(make: str) -> str:
            texts = self._name("n")
            whole.lines.append(f"{texts} = {make}(all_of({page}s))")
            return texts

        def in_one(make: str) -> str:
            texts = made(make)
            # Many have one alone, which is put in as it is.
            return f"{texts}[{start}] if {count} == 1 else joined({texts}[{start}:{end}])"

        return self._page(
            field,
            step.edge.child,
            lambda make: f"{made(make)}[{start}:{end}]",
            in_one,
            body,
            any_rows=count,
            places=f"{page}.positions",
            has_more=f"{page}.has_more",
            list_name=self._name("l", step.edge.name),
            after=after,
        )

    def _page(
        self,
        field: FieldPlan,
        record_type: RecordType,
        nodes: Callable[[str], str],
        in_one: Callable[[str], str],
        lines: list[str],
        *,
        any_rows: str,
        places: str,
        has_more: str,
        list_name: str,
        after: str,
    ) -> str:
        """The inside of a page. ``nodes`` gives the texts that a function makes, ``in_one`` these as one."""
        (page,) = field.children.values()
        connection = self._name("c", self._sole(ANCHORS[record_type], record_type))

        def cursor(place: str) -> str:
            return f"cursor({list_name}, {connection}, {place})"

        parts: list[tuple[str, str]] = []
        for part in page.fields:
            if part.name == "nodes":
                inside = f"[{{{in_one(self._objects(part.children[record_type.value]))}}}]"
            elif part.name == "edges":
                (edge,) = part.children.values()
                inner: list[tuple[str, str]] = []
                columns: list[str] = []
                for each in edge.fields:
                    if each.name == "node":
                        columns.append(nodes(self._objects(each.children[record_type.value])))
                        inner.append((each.key, f"{{node{len(columns)}}}"))
                    elif each.name == "cursor":
                        inner.append((each.key, f"{{{cursor('place')}}}"))
                    else:
                        inner.append((each.key, f'"{edge.type_name}"'))
                targets = "".join(f"node{at + 1}, " for at in range(len(columns)))
                lists = ", ".join([places, *columns])
                made = self._name("v")
                text = text_of(an_object(inner))
                lines.append(f"{made} = [{text} for place, {targets}in zip({lists}, strict=True)]")
                inside = f"[{{joined({made})}}]"
            elif part.name == "page_info":
                (info,) = part.children.values()
                values = {
                    "has_next_page": f"{{truths[{has_more}]}}",
                    "has_previous_page": f"{{truths[{after} is not None]}}",
                    "start_cursor": f"{{{cursor(f'{places}[0]')} if {any_rows} else null}}",
                    "end_cursor": f"{{{cursor(f'{places}[-1]')} if {any_rows} else null}}",
                    "__typename": f'"{info.type_name}"',
                }
                inside = an_object([(each.key, values[each.name]) for each in info.fields])
            else:
                inside = f'"{page.type_name}"'
            parts.append((part.key, inside))
        return an_object(parts)


_BY_ID = {"customer": RecordType.CUSTOMER, "subscription": RecordType.SUBSCRIPTION,
          "invoice": RecordType.INVOICE, "payment": RecordType.PAYMENT,
          "customer_by": RecordType.CUSTOMER}  # fmt: skip
