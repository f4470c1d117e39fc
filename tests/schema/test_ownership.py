"""Ownership is declared once; what it does not allow cannot be built."""

from __future__ import annotations

import pytest
import strawberry
from strawberry.utils.str_converters import to_camel_case

from adapters.contracts.vocabulary import System
from resolvers.graph import build_graph, sdl
from resolvers.mutations.mutation import WRITES, Mutation
from schema.directives import owned
from schema.ownership import OwnershipError, Writes, declared_ownership


def test_a_field_without_an_authority_stops_the_build_with_its_name():
    @strawberry.type
    class Stray:
        id: strawberry.ID
        name: str | None = owned(System.CRM, "Fine.")
        shoe_size: int | None = None

    with pytest.raises(OwnershipError, match=r"Stray\.shoeSize has no authority"):
        declared_ownership([Stray])


@pytest.mark.parametrize(
    ("writes", "message"),
    [
        (
            Writes("updateCustomer", System.CRM, "Customer", {"name": "name", "tax_id": "tax_id"}),
            r"updateCustomer writes CRM, but Customer\.taxId belongs to ERP",
        ),
        (
            Writes("updateCustomer", System.CRM, "Customer", {"created_at": "created_at"}),
            r"updateCustomer writes CRM, but Customer\.createdAt is not writable",
        ),
        (
            Writes("updateCustomer", System.CRM, "Customer", {"shoe_size": "shoe_size"}),
            r"updateCustomer: input field shoeSize sets no field of Customer",
        ),
    ],
)
def test_an_input_field_that_the_system_does_not_own_stops_the_build(writes: Writes, message: str):
    with pytest.raises(OwnershipError, match=message):
        declared_ownership(mutations=[writes])


def test_an_input_type_with_a_stray_field_stops_the_build_with_its_name():
    @strawberry.input
    class Greedy:
        id: strawberry.ID
        name: str | None = None
        tax_id: str | None = None

    writes = Writes("updateCustomer", System.CRM, "Customer", {"name": "name"}, input=Greedy)
    with pytest.raises(OwnershipError, match="updateCustomer: input field taxId"):
        declared_ownership(mutations=[writes])


def test_every_writable_field_has_a_mutation_and_no_other_field_has_one():
    for entry in declared_ownership(mutations=WRITES):
        assert bool(declared_ownership(mutations=WRITES).mutations_of(entry)) is entry.writable, entry.key


def test_every_mutation_says_what_it_writes():
    names = {field.python_name for field in Mutation.__strawberry_definition__.fields}
    assert {to_camel_case(name) for name in names} == {writes.mutation for writes in WRITES} | {
        "replayCommand",
        "cancelCommand",
    }
    assert all(writes.input is not None for writes in WRITES)


def test_mutations_are_listed_at_the_fields_they_write():
    writes = Writes("updateCustomer", System.CRM, "Customer", {"name": "name"})
    table = declared_ownership(mutations=[writes])
    assert table.mutations_of(table.fields["Customer", "name"]) == ["updateCustomer"]
    assert table.mutations_of(table.fields["Customer", "phone"]) == []


def test_an_override_moves_the_field_and_what_is_printed():
    table = declared_ownership().overridden({"Customer.phone": System.ERP})
    assert table.owner("Customer", "phone") is System.ERP
    printed = sdl(build_graph(), table)
    assert "phone: String @authority(system: ERP) @personal " in printed
    assert "email: String @authority(system: CRM, writable: true) @personal " in printed


def test_an_override_breaks_the_guard_of_a_mutation_that_still_writes_the_field():
    writes = Writes("updateCustomer", System.CRM, "Customer", {"phone": "phone"})
    table = declared_ownership(mutations=[writes]).overridden({"Customer.phone": System.ERP})
    assert not table.fields["Customer", "phone"].writable


@pytest.mark.parametrize("key", ["Customer.shoeSize", "Shoe.size"])
def test_an_override_of_no_field_is_refused_by_name(key: str):
    with pytest.raises(OwnershipError, match=f"there is no field {key}"):
        declared_ownership().overridden({key: System.ERP})


@pytest.mark.parametrize("key", ["Customer.invoices", "Customer.recurringRevenue", "Customer.records"])
def test_relations_and_computed_fields_stay_where_they_are(key: str):
    with pytest.raises(OwnershipError, match="part of the contract"):
        declared_ownership().overridden({key: System.CRM})
