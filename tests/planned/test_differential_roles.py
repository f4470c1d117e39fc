"""Both executors give the same answer to callers who may not see everything, by built-in roles and others.

And of a field that is refused no system hears anything: without it, the same calls are made.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from graphql.language import REMOVE, NameNode
from hypothesis import given
from hypothesis import strategies as st
from strawberry.utils.str_converters import to_snake_case

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.world import World
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from gateway.policy.settings import Personal, PolicySettings, RoleSettings, RowSettings
from resolvers.ids import Ref
from resolvers.viewer import Access, Viewer
from schema.scopes import SCOPES
from tests.planned.differential import CASES, FAULTS, SEEDS, VENDORS, Both, both_executors, cases
from tests.planned.operations import Generator
from tests.scenarios.people import id_of

POLICY = Policy(
    PolicySettings(
        roles={
            personal.value.lower(): RoleSettings(description="Holds no scopes of its own.", personal=personal)
            for personal in Personal
        }
        | {"keeper": RoleSettings(description="Its own.", rows=RowSettings(own_portfolio=True))}
    )
)
ROLES = ("support", "finance", "sales", "developer", "auditor")
READS = tuple(scope for scope in SCOPES if scope.endswith(":read"))


def someone(seed: int, world: World) -> Viewer:
    """A caller of a built-in role, or with some of the scopes and any view of personal fields.

    One in two sees some objects only.
    """
    dice = random.Random(seed)
    principal = _named(dice)
    if dice.random() < 0.5:
        principal = _limited(dice, principal, world)
    return POLICY.viewer(principal)


def _named(dice: random.Random) -> Principal:
    role = dice.choice((*ROLES, None))
    if role is not None:
        return Principal(role, (role,))
    scopes = frozenset(dice.sample(READS, dice.randint(4, len(READS))))
    personal = dice.choice(list(Personal)).value.lower()
    return Principal(f"{personal} {sorted(scopes)}", (personal,), scopes)


def _limited(dice: random.Random, principal: Principal, world: World) -> Principal:
    """The same, for some customers only: by name, by legal entity, by portfolio, or by two of these."""
    limits = dice.sample(("customers", "legal entities", "portfolio"), dice.choice((1, 1, 1, 2)))
    found = principal
    if "customers" in limits:
        named = dice.sample(world.customers, dice.choice((0, 1, 1, 1, 2)))
        refs = frozenset(Ref(RecordType.CUSTOMER, "salesforce", each.crm_id) for each in named)
        found = replace(found, customers=refs, roles=("widget",) if dice.random() < 0.5 else found.roles)
    if "legal entities" in limits:
        codes = sorted({each.entity.code for each in world.customers})
        found = replace(found, legal_entities=frozenset(dice.sample(codes, dice.randint(0, len(codes)))))
    if "portfolio" in limits:
        email = dice.choice(world.customers).account_manager.email
        found = replace(found, email=email.lower(), roles=(*found.roles, "keeper"))
    return replace(found, subject=f"{found.subject}, limited by {' and '.join(limits)}")


def generator_for(both: Both, viewer: Viewer) -> Generator:
    """Asks a caller that is bound to customers for what is theirs, in the main."""
    rows, world = viewer.rows, both.company.world
    if rows is None or not rows.customers:
        return both.generator
    theirs = {ref.record_id for ref in rows.customers}
    facts = {
        "customer": [each for each in world.customers if each.crm_id in theirs],
        "subscription": [each for each in world.subscriptions if each.customer.crm_id in theirs],
        "invoice": [each for each in world.invoices if each.customer.crm_id in theirs],
        "payment": [each for each in world.payments if each.customer.crm_id in theirs],
    }
    ids = both.generator.ids
    return replace(
        both.generator,
        ids={kind: [*map(id_of, facts.get(kind, ())), *of_all[:2]] for kind, of_all in ids.items()},
    )


class _Pruning(Visitor):
    """Takes the fields out that are refused to a viewer. ``found``: how many those were."""

    def __init__(self, info: TypeInfo, viewer: Viewer) -> None:
        super().__init__()
        self._info = info
        self._viewer = viewer
        self.found = 0

    def enter_field(self, node: FieldNode, *_: object) -> object:
        parent = self._info.get_parent_type()
        assert parent is not None
        name = to_snake_case(node.name.value)
        if self._viewer.field(parent.name, name) is not Access.FORBIDDEN:
            return None
        self.found += 1
        return REMOVE

    def leave_selection_set(self, node: SelectionSetNode, *_: object) -> object:
        if node.selections:
            return None
        return SelectionSetNode(selections=(FieldNode(name=NameNode(value="__typename")),))


def without_refused(schema: GraphQLSchema, text: str, viewer: Viewer) -> str | None:
    """The document without what is refused; None where nothing is."""
    info = TypeInfo(schema)
    pruning = _Pruning(info, viewer)
    pruned = visit(parse(text), TypeInfoVisitor(info, pruning))
    if not pruning.found:
        return None
    while (fewer := visit(pruned, _Unused(pruned))) is not pruned:
        pruned = fewer
    return print_ast(pruned)


class _Unused(Visitor):
    """Takes fragments and variables out that nothing refers to any more: they would be refused."""

    def __init__(self, document: DocumentNode) -> None:
        super().__init__()
        self._used = Counter(re.findall(r"\.\.\.(\w+)|(\$\w+)", print_ast(document)))

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> object:
        return None if (node.name.value, "") in self._used else REMOVE

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> object:
        # Once where it is declared, and again where it is used.
        return None if self._used["", f"${node.variable.name.value}"] > 1 else REMOVE


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_executors(tmp_path_factory.mktemp("roles") / "state") as found:
        yield found


@cases(CASES // 2)
@given(seed=SEEDS, who=SEEDS, vendor=st.sampled_from(VENDORS), fault=st.sampled_from(FAULTS))
@pytest.mark.timeout(0)
def test_restricted_callers_get_the_same_answer(
    both: Both, seed: int, who: int, vendor: str, fault: str | None
) -> None:
    viewer = someone(who, both.company.world)
    operation = generator_for(both, viewer).operation(seed)
    answer = both.compare(operation.text, operation.variables, vendor, fault, viewer)
    # Where what is refused leaves nothing of the answer, nothing is asked; without it, there is an answer.
    told = fault is None and answer.get("data") is not None
    pruned = without_refused(both.generator.schema, operation.text, viewer) if told else None
    if pruned is not None:
        said = f"{operation.text}\n{operation.variables}\nas {viewer.subject}"
        asked = both.calls_of(operation.text, operation.variables, viewer)
        assert asked == both.calls_of(pruned, operation.variables, viewer), said


def test_plans_serve_them(both: Both) -> None:
    assert not both.company.planned.fallbacks.by_reason
    assert both.company.planned.fallbacks.planned > 0


def test_plans_take_no_more_calls(both: Both) -> None:
    """All cases together: what is loaded ahead of a customer who does not exist costs a call or two, and
    whether a row arrives in time to serve another field is chance in either.
    """
    assert 0 < both.calls["planned"] <= both.calls["plain"] * 1.02 + 3
