"""Random operations from the schema: fragments, aliases, variables, directives, pages, abstract types."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
)

VOLATILE = frozenset(
    {("SystemRecord", "asOf"), *(("SystemHealth", name) for name in ("latencyMs", "errorRate", "status"))}
)
"""Fields that tell when something was read, or how calls went: no two executions give the same."""

_ROOTS = (
    ("customer", 5), ("customers", 5), ("node", 2), ("nodes", 2), ("customerBy", 2), ("subscription", 2),
    ("subscriptions", 2), ("invoice", 2), ("invoices", 2), ("payment", 2), ("payments", 2), ("command", 1),
    ("commands", 1), ("ownership", 1), ("systems", 1),
)  # fmt: skip

_DATES = ("2025-06-30", "2026-01-15", "2031-02-28")


@dataclass
class Operation:
    text: str
    variables: dict[str, Any]


@dataclass
class Generator:
    """Makes operations from a stream of random numbers. ``ids`` are the graph's ids by type."""

    schema: GraphQLSchema
    ids: Mapping[str, Sequence[str]]
    emails: Sequence[str]
    records: Sequence[tuple[str, str]]
    cursors: list[tuple[str, str]] = field(default_factory=list)

    def operation(self, seed: int) -> Operation:
        return _Making(self, random.Random(seed)).operation()


class _Making:
    def __init__(self, generator: Generator, dice: random.Random) -> None:
        self.g = generator
        self.dice = dice
        self.variables: dict[str, Any] = {}
        self.declared: list[str] = []
        self.fragments: list[str] = []
        self.budget = dice.choice((6, 12, 25, 45))

    def operation(self) -> Operation:
        names, weights = zip(*_ROOTS, strict=True)
        query = self.g.schema.query_type
        assert query is not None
        parts: list[str] = []
        for at, name in enumerate(self.dice.choices(names, weights, k=self.dice.choice((1, 1, 1, 2, 3)))):
            parts.append(self.field(query, name, query.fields[name], 0, f"r{at}"))
        if self.dice.random() < 0.1:
            parts.append("__typename")
        head = f"query Q({', '.join(self.declared)})" if self.declared else "query"
        return Operation(" ".join([f"{head} {{ {' '.join(parts)} }}", *self.fragments]), self.variables)

    def selection(self, graph_type: Any, depth: int) -> str:
        if is_abstract_type(graph_type):
            return self.abstract(graph_type, depth)
        parts: list[str] = []
        names = [name for name in graph_type.fields if (graph_type.name, name) not in VOLATILE]
        leaves = [n for n in names if is_leaf_type(get_named_type(graph_type.fields[n].type))]
        below = [n for n in names if n not in leaves]
        parts += [
            self.field(graph_type, name, graph_type.fields[name], depth, None)
            for name in self.dice.sample(leaves, min(len(leaves), self.dice.randint(0, 4)))
        ]
        if below and depth < 9:
            # Pages have to be opened, or nothing is seen below them.
            wanted = 2 if graph_type.name.endswith(("Connection", "Edge")) else self.dice.choice((0, 1, 1, 2))
            parts += [
                self.field(graph_type, name, graph_type.fields[name], depth, None)
                for name in self.dice.sample(below, min(len(below), wanted))
                if self.budget > 0
            ]
        if not parts or self.dice.random() < 0.15:
            parts.append("__typename")
        self.dice.shuffle(parts)
        if len(parts) > 1 and self.dice.random() < 0.2:
            parts = [*parts[:-1], self.fragment(graph_type, parts[-1])]
        if self.dice.random() < 0.08:
            # Selected twice: what is below merges.
            parts.append(parts[0])
        return " ".join(parts)

    def abstract(self, graph_type: Any, depth: int) -> str:
        parts = ["id"] if self.dice.random() < 0.6 else ["__typename"]
        possible = list(self.g.schema.get_possible_types(graph_type))
        parts += [
            f"... on {each.name} {{ {self.selection(each, depth + 1)} }}"
            for each in self.dice.sample(possible, self.dice.randint(1, 3))
        ]
        return " ".join(parts)

    def fragment(self, graph_type: GraphQLObjectType, inner: str) -> str:
        if self.dice.random() < 0.5:
            return f"... {self.directive()} {{ {inner} }}"
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {graph_type.name} {{ {inner} }}")
        return f"...{name} {self.directive()}"

    def directive(self) -> str:
        if self.dice.random() < 0.85:
            return ""
        word = self.dice.choice(("skip", "include"))
        if self.dice.random() < 0.5:
            return f"@{word}(if: {self.dice.choice(('true', 'false'))})"
        return f"@{word}(if: {self.variable('Boolean!', self.dice.random() < 0.5)})"

    def variable(self, graph_type: str, value: Any) -> str:
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {graph_type}")
        self.variables[name] = value
        return f"${name}"

    def field(self, parent: Any, name: str, definition: GraphQLField, depth: int, alias: str | None) -> str:
        self.budget -= 1
        arguments = self.arguments(parent, name, definition)
        if alias is None and (arguments or self.dice.random() < 0.1):
            alias = f"a{self.dice.randint(0, 10**6)}"
        text = f"{alias}: {name}" if alias else name
        if arguments:
            text += f"({', '.join(f'{key}: {value}' for key, value in arguments.items())})"
        text += f" {self.directive()}" if depth else ""
        named = get_named_type(definition.type)
        if is_composite_type(named):
            text += f" {{ {self.selection(named, depth + 1)} }}"
        return text

    def arguments(self, parent: Any, name: str, definition: GraphQLField) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, argument in definition.args.items():
            required = isinstance(argument.type, GraphQLNonNull) and argument.default_value is None
            required = key in {"id", "ids", "lookup"}
            if not required and self.dice.random() < (0.3 if key == "first" else 0.75):
                continue
            value = self.argument(parent, name, key, argument)
            if value is not None:
                found[key] = value
        return found

    def argument(self, parent: Any, name: str, key: str, argument: Any) -> str | None:
        dice = self.dice
        if key == "id":
            return self.given("ID!", self.id_for(name))
        if key == "ids":
            return self.given("[ID!]!", [self.id_for("node") for _ in range(dice.randint(0, 4))])
        if key == "first":
            first = (
                dice.choice((1, 1, 2, 3, 5, 5, 20, 100, 0, 101))
                if dice.random() < 0.2
                else dice.randint(1, 6)
            )
            return self.given("Int!", first)
        if key == "after":
            place = f"{parent.name}.{name}" if parent.name != "Query" else name
            known = [cursor for at, cursor in self.g.cursors if at == place]
            if known and dice.random() < 0.8:
                return self.given("String", dice.choice(known))
            return self.given("String", dice.choice(("nonsense", "")) if dice.random() < 0.5 else None)
        if key == "lookup":
            return self.lookup()
        if key == "orderBy":
            return dice.choice(("NAME_ASC", "NAME_DESC", "UPDATED_DESC"))
        return self.filter(argument.type)

    def given(self, graph_type: str, value: Any) -> str:
        if self.dice.random() < 0.4:
            return self.variable(graph_type, value)
        return _literal(value)

    def id_for(self, name: str) -> str:
        if self.dice.random() < 0.06:
            return self.dice.choice(("nonsense", *self.g.ids["absent"]))
        kind = name if name in self.g.ids else self.dice.choice(sorted(self.g.ids))
        if self.dice.random() < 0.04:
            kind = self.dice.choice(sorted(self.g.ids))
        return self.dice.choice(self.g.ids[kind])

    def lookup(self) -> str:
        kind = self.dice.choice(("id", "email", "record"))
        if kind == "id":
            return f"{{id: {_literal(self.id_for('customer'))}}}"
        if kind == "email":
            return f"{{email: {_literal(self.dice.choice(('nobody@example.com', 'x', *self.g.emails)))}}}"
        system, record_id = self.dice.choice(self.g.records)
        return f"{{record: {{system: {system}, recordId: {_literal(record_id)}}}}}"

    def filter(self, graph_type: Any) -> str | None:
        named = get_named_type(graph_type)
        if not isinstance(named, GraphQLInputObjectType):
            return None
        parts: list[str] = []
        for key, entry in named.fields.items():
            if self.dice.random() < 0.6:
                continue
            inner = get_named_type(entry.type)
            if isinstance(inner, GraphQLEnumType):
                values = self.dice.sample(sorted(inner.values), self.dice.randint(1, 2))
                parts.append(f"{key}: [{', '.join(values)}]")
            elif isinstance(entry.type, GraphQLList):
                continue
            elif inner.name == "Date":
                parts.append(f'{key}: "{self.dice.choice(_DATES)}"')
            elif inner.name == "DateTime":
                parts.append(f'{key}: "{self.dice.choice(_DATES)}T00:00:00Z"')
            elif key in {"search", "segment", "planCode", "kind"}:
                parts.append(f'{key}: "{self.dice.choice(("a", "enterprise", "e", ""))}"')
        return f"{{{', '.join(parts)}}}" if parts else None


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(_literal(each) for each in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
