"""The tables of policy against the schema, and the page about them against the tables."""

from __future__ import annotations

import pytest
from graphql import GraphQLObjectType
from strawberry.utils.str_converters import to_snake_case

from gateway.policy.engine import Policy, PolicyError
from gateway.policy.policy_docs import DOCS_FILE, with_tables
from gateway.policy.principal import Principal
from gateway.policy.roles import ROLES
from gateway.policy.settings import Personal, PolicySettings, RoleSettings, RowSettings
from resolvers.graph import build_graph
from resolvers.viewer import Access
from schema.ownership import declared_ownership
from schema.scopes import MUTATIONS, READS, SCOPES

SCHEMA = build_graph()._schema
TYPES = {name: each for name, each in SCHEMA.type_map.items() if isinstance(each, GraphQLObjectType)}


def test_every_field_of_an_entity_takes_a_scope() -> None:
    assert {(entry.type, entry.name) for entry in declared_ownership()} <= READS.keys()


def test_every_way_to_an_entity_takes_a_scope() -> None:
    """Roots and payloads; ``node`` and ``nodes`` are decided by the type that is found."""
    open_to_all = {("Query", name) for name in ("node", "nodes", "command", "commands", "ownership")}
    roots = {
        (name, to_snake_case(field)) for name in ("Query", "StatusStream") for field in TYPES[name].fields
    }
    assert roots - open_to_all <= READS.keys()
    assert MUTATIONS.keys() == TYPES["Mutation"].fields.keys()


def test_the_tables_name_only_what_there_is() -> None:
    there = {(name, to_snake_case(field)) for name, each in TYPES.items() for field in each.fields}
    assert READS.keys() <= there
    assert frozenset().union(*READS.values(), *MUTATIONS.values()) <= SCOPES.keys()


def test_what_may_be_refused_can_be_null() -> None:
    """But for ids, which stand for their objects, and lists of what is known of them."""
    for type_name, field in READS:
        graph_type = TYPES[type_name]
        found = next(each for name, each in graph_type.fields.items() if to_snake_case(name) == field)
        nullable = not str(found.type).endswith("!")
        assert nullable or field in {"id", "records", "systems"} or type_name == "StatusStream", (
            type_name,
            field,
        )


def test_the_page_is_what_the_policy_says() -> None:
    text = DOCS_FILE.read_text()
    assert text == with_tables(text), "write it anew: python -m gateway.policy.policy_docs"


def test_scopes_of_several_roles_add_up_and_their_limits_hold_together() -> None:
    policy = Policy()
    viewer = policy.viewer(Principal("ada", ("sales", "widget")))
    assert viewer.may("updateCustomer")
    assert viewer.field("Payment", "amount") is Access.ALLOWED
    assert viewer.rows is not None
    assert viewer.rows.customers == frozenset()


def test_a_role_that_is_not_there_gives_nothing() -> None:
    viewer = Policy().viewer(Principal("ada", ("king",)))
    assert viewer.scopes == frozenset()
    assert viewer.mutations == frozenset()
    assert all(viewer.field(*key) is Access.FORBIDDEN for key in READS)


def test_equal_rights_have_equal_access() -> None:
    policy = Policy()
    one, other = (policy.viewer(Principal(name, ("finance",))) for name in ("ada", "bob"))
    assert one.access == other.access
    assert one.subject != other.subject
    assert policy.viewer(Principal("eve", ("sales",))).access != one.access


def test_roles_of_a_configuration_extend_and_leave_out() -> None:
    settings = PolicySettings(
        roles={
            "emea": RoleSettings(
                extends=("finance",),
                without=("payment:refund",),
                personal=Personal.REFUSED,
                rows=RowSettings(legal_entities=("DE01",)),
            )
        },
        fields={"Customer.taxId": ("tax:read",)},
    )
    policy = Policy(settings)
    viewer = policy.viewer(Principal("ada", ("emea",)))
    assert viewer.may("postInvoice")
    assert not viewer.may("refundPayment")
    assert viewer.field("Person", "email") is Access.FORBIDDEN
    assert viewer.field("Customer", "tax_id") is Access.FORBIDDEN
    assert viewer.rows is not None
    assert viewer.rows.legal_entities == frozenset({"DE01"})
    assert policy.viewer(Principal("root", ("admin",))).field("Customer", "tax_id") is Access.ALLOWED


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PolicySettings(roles={"a": RoleSettings(extends=("b",))}), "there is no role b"),
        (
            PolicySettings(roles={"a": RoleSettings(extends=("b",)), "b": RoleSettings(extends=("a",))}),
            "extends",
        ),
        (PolicySettings(roles={"a": RoleSettings(scopes=("x:read",))}), "there is no scope x:read"),
        (PolicySettings(fields={"Customer.nope": ("x:read",)}), "no field"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(settings: PolicySettings, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        Policy(settings)


def test_the_built_in_roles_are_those_of_the_page() -> None:
    assert list(ROLES) == ["admin", "support", "finance", "sales", "developer", "auditor", "widget"]
