"""Reading lists through the graph, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adapters.emulation.world import CustomerFact, World
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Sandbox

FILTERS = {
    "customers": "CustomerFilter",
    "subscriptions": "SubscriptionFilter",
    "invoices": "InvoiceFilter",
    "payments": "PaymentFilter",
}
KINDS = tuple(FILTERS)
PAGE = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

Pages = Callable[[str | None], dict[str, Any]]


def facts(world: World, kind: str) -> Sequence[Any]:
    return getattr(world, kind)


def root_list(company: Sandbox, kind: str, first: int, where: Any = None, order: str | None = None) -> Pages:
    """The pages of a root list, by the cursor to continue behind."""
    order_by = f", orderBy: {order}" if order else ""
    document = (
        f"query ($first: Int!, $after: String, $filter: {FILTERS[kind]}) "
        f"{{ list: {kind}(first: $first, after: $after, filter: $filter{order_by}) {{ {PAGE} }} }}"
    )
    return lambda after: company.data(document, {"first": first, "after": after, "filter": where})["list"]


def edge_list(company: Sandbox, parent: Any, kind: str, first: int, where: Any = None) -> Pages:
    """The pages of an object's list."""
    takes = kind != "payments" or isinstance(parent, CustomerFact)
    declared, given = (f", $filter: {FILTERS[kind]}", ", filter: $filter") if takes else ("", "")
    document = (
        f"query ($id: ID!, $first: Int!, $after: String{declared}) {{ node(id: $id) {{ "
        f"... on {type(parent).__name__.removesuffix('Fact')} "
        f"{{ list: {kind}(first: $first, after: $after{given}) {{ {PAGE} }} }} }} }}"
    )
    variables = {"id": id_of(parent), "first": first, "filter": where}
    return lambda after: company.data(document, {**variables, "after": after})["node"]["list"]


def to_the_end(pages: Pages, first: int) -> list[str]:
    """The ids of all rows, page by page; what a page says of itself must be so."""
    ids: list[str] = []
    after = None
    while True:
        page = pages(after)
        edges, info = page["edges"], page["pageInfo"]
        assert len(edges) <= first
        assert info["hasPreviousPage"] is (after is not None)
        assert info["startCursor"] == (edges[0]["cursor"] if edges else None)
        assert info["endCursor"] == (edges[-1]["cursor"] if edges else None)
        ids += [edge["node"]["id"] for edge in edges]
        if not info["hasNextPage"]:
            return ids
        assert len(edges) == first, "a page with more behind it is full"
        after = info["endCursor"]


def busiest(world: World) -> CustomerFact:
    """The customer whom every system knows with the most payments."""
    customer = known_everywhere(world)
    counts = {fact.crm_id: 0 for fact in world.customers if fact.billing_id and len(fact.erp_ids) == 1}
    for payment in world.payments:
        if payment.customer.crm_id in counts:
            counts[payment.customer.crm_id] += 1
    most = max(counts, key=lambda key: counts[key])
    return next((fact for fact in world.customers if fact.crm_id == most), customer)
