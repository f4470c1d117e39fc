"""Fills the org from the world: accounts, their contacts and contracts, the users who own them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from adapters.contracts.vocabulary import CustomerStatus
from adapters.emulation.ids import salesforce_id
from adapters.emulation.store import insert_many
from adapters.emulation.world import CustomerFact, PersonFact, SubscriptionFact, World
from adapters.salesforce.emulator.changes import STATES
from adapters.salesforce.emulator.objects import OBJECTS
from adapters.salesforce.emulator.query import LOCATORS
from adapters.salesforce.emulator.sessions import RUN_AS_USER_ID, SESSIONS
from adapters.salesforce.emulator.translation import stored_time

LABELS = {
    CustomerStatus.PROSPECT: "Prospect",
    CustomerStatus.ACTIVE: "Active",
    CustomerStatus.SUSPENDED: "Suspended",
    CustomerStatus.CHURNED: "Churned",
    CustomerStatus.UNKNOWN: "Under Review",
}
"""The status of each kind of customer, out of the picklist."""

INTEGRATION_USER = PersonFact("Integration User", "integration@fieldgate.example.com", None, "Integration")
"""Whom the API's sessions run as."""

Values = dict[str, Any]


def seed(store: sqlite3.Connection, world: World) -> None:
    """Creates the tables in a store without them, and fills them."""
    for entity in OBJECTS.values():
        for statement in entity.ddl():
            store.execute(statement)
    store.execute(LOCATORS)
    store.execute(SESSIONS)
    for statement in STATES:
        store.execute(statement)
    managers = {customer.account_manager.email: customer.account_manager for customer in world.customers}
    users = {
        email: salesforce_id(OBJECTS["user"].prefix, number) for number, email in enumerate(managers, start=1)
    }
    created = stored_time(min(customer.created_at for customer in world.customers)) if world.customers else ""
    people = [_user(users[email], person, created) for email, person in managers.items()]
    _insert(store, "user", [_user(RUN_AS_USER_ID, INTEGRATION_USER, created), *people])
    _insert(store, "account", [_account(fact, users[fact.account_manager.email]) for fact in world.customers])
    _insert(store, "contact", list(_contacts(world)))
    _insert(
        store,
        "contract",
        [_contract(fact) for fact in world.subscriptions if fact.contract is not None],
    )


def _insert(store: sqlite3.Connection, name: str, rows: list[Values]) -> None:
    entity = OBJECTS[name]
    columns = [column.name for column in entity.columns]
    insert_many(store, entity.table, columns, ([row.get(column) for column in columns] for row in rows))


def _audit(created: str, updated: str) -> Values:
    return {"CreatedDate": created, "LastModifiedDate": updated, "SystemModstamp": updated}


def _user(user_id: str, person: PersonFact, created: str) -> Values:
    return {
        "Id": user_id,
        "Username": person.email,
        "Name": person.name,
        "Email": person.email,
        "Phone": person.phone,
        "Title": person.title,
        "IsActive": 1,
        **_audit(created, created),
    }


def _account(fact: CustomerFact, owner_id: str) -> Values:
    address = fact.shipping
    return {
        "Id": fact.crm_id,
        "Name": fact.name,
        "OwnerId": owner_id,
        "Customer_Status__c": LABELS[fact.status],
        "Segment__c": fact.segment,
        "Industry": fact.industry,
        "Website": fact.website,
        "Phone": fact.phone,
        "Email__c": fact.email,
        "ShippingStreet": "\n".join(filter(None, (address.line1, address.line2))),
        "ShippingCity": address.city,
        "ShippingState": address.region,
        "ShippingPostalCode": address.postal_code,
        "ShippingCountry": address.country,
        "ShippingCountryCode": address.country,
        "Chargebee_Customer_Id__c": fact.billing_id,
        "Stripe_Customer_Id__c": fact.payments_id,
        **_audit(stored_time(fact.created_at), stored_time(fact.updated_at)),
    }


def _contacts(world: World) -> Iterator[Values]:
    number = 0
    for customer in world.customers:
        audit = _audit(stored_time(customer.created_at), stored_time(customer.updated_at))
        for person in customer.contacts:
            number += 1
            first, _, last = person.name.rpartition(" ")
            yield {
                "Id": salesforce_id(OBJECTS["contact"].prefix, number),
                "AccountId": customer.crm_id,
                "FirstName": first or None,
                "LastName": last,
                "Name": person.name,
                "Email": person.email,
                "Phone": person.phone,
                "Title": person.title,
                **audit,
            }


def _contract(fact: SubscriptionFact) -> Values:
    contract = fact.contract
    assert contract is not None
    return {
        "Id": contract.crm_id,
        "AccountId": fact.customer.crm_id,
        "ContractNumber": contract.number,
        "Status": "Activated",
        "StartDate": contract.starts_on.isoformat(),
        # The platform works EndDate out as the last day of the term.
        "EndDate": (contract.renews_on - timedelta(days=1)).isoformat(),
        "ContractTerm": contract.term_months,
        "CustomerSignedDate": contract.signed_on.isoformat(),
        "Auto_Renew__c": int(contract.auto_renew),
        "Chargebee_Subscription_Id__c": fact.id,
        **_audit(stored_time(fact.created_at), stored_time(fact.updated_at)),
    }
