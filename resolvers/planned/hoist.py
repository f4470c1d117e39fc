"""Fewer rounds: what a customer's descendants need, fetched along with the customer's own relations.

A subscription's invoices are found by the customer as well, and then told apart by the subscription they
name; an invoice's payments are the customer's payments that name it. So a customer, its subscriptions, their
invoices and the payments of these take one round or two, not four.

The bounds: only where the vendor finds by the customer, in one call for as many customers as it finds
descendants in; no more than ``HOISTED_ROWS`` of one customer; by a key that takes one value a call, for one
customer only; and not where a place in the page is selected, for a cursor counts in the list it is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapters.contracts.vocabulary import RecordType
from resolvers.edges import EDGES, Edge, Key
from resolvers.planned.plan import EdgeStep, FieldPlan, Hoist, ObjectPlan
from resolvers.ports import Systems
from resolvers.related import key_of

_PLACES = frozenset({"page_info", "edges"})


def hoisted(customers: Sequence[ObjectPlan], systems: Systems) -> Iterator[Hoist]:
    """Chooses the hoists of a plan, and puts each where it is used."""
    for customer in customers:
        found: list[Hoist] = []
        for step in customer.steps:
            if isinstance(step, EdgeStep):
                found += _below(step, systems)
        unique = {(hoist.edge.name, hoist.link): hoist for hoist in found if hoist.link is None}
        customer.hoists = (*(hoist for hoist in found if hoist.link is not None), *unique.values())
        yield from customer.hoists


def _below(step: EdgeStep, systems: Systems) -> Iterator[Hoist]:
    for plan in step.objects:
        for each in plan.steps:
            if not isinstance(each, EdgeStep):
                continue
            hoist = _by_customer(each, systems)
            if hoist is not None:
                if hoist.link is not None:
                    each.hoist = hoist
                yield hoist
            yield from _below(each, systems)


def _by_customer(step: EdgeStep, systems: Systems) -> Hoist | None:
    """How the children of a relation are found by the customer of their parents; None where they are not."""
    edge = step.edge
    names = systems.connections(edge.system, edge.child)
    if len(names) != 1 or _is_narrowed(step.field):
        return None
    resource = systems.resource(names[0], edge.child)
    key = key_of(edge, resource)
    if key is None:
        return None
    if key.only is not None:
        return Hoist(edge, names[0], key, None)
    direct = _direct(edge)
    link = key.child
    if (
        direct is None
        or key.parent != "id"
        or not resource.finds_by(direct.child)
        or link not in resource.fields
        or resource.caps.keys(direct.child) < resource.caps.keys(key.child)
        or _shows_places(step.field)
    ):
        return None
    return Hoist(edge, names[0], direct, link)


def _direct(edge: Edge) -> Key | None:
    """The key by which a customer's own relation finds the same children, by the customer's id."""
    own = next(
        (each for each in EDGES.values() if each.parent is RecordType.CUSTOMER and each.child is edge.child),
        None,
    )
    return None if own is None else next((key for key in own.keys if key.parent == "id"), None)


def _is_narrowed(field: FieldPlan) -> bool:
    given = {argument.name.value for node in field.nodes for argument in node.arguments or ()}
    return bool(given & {"after", "filter"})


def _shows_places(field: FieldPlan) -> bool:
    return any(part.name in _PLACES for page in field.children.values() for part in page.fields)
