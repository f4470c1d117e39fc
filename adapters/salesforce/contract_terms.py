"""Contract -> ContractTerms: what was agreed behind a subscription.

Fields: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contract.htm
"""

from __future__ import annotations

from datetime import date, timedelta

from adapters.contracts.convert import date_from_iso
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.salesforce import soql
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.resource import SalesforceResource
from adapters.salesforce.settings import SalesforceSettings

IN_SUBSCRIPTIONS = link_field(RecordType.SUBSCRIPTION, System.SUBSCRIPTIONS)
IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)


def contract_terms(client: SalesforceClient, settings: SalesforceSettings) -> SalesforceResource:
    """The contracts of an org."""
    return SalesforceResource(
        client,
        RecordType.CONTRACT_TERMS,
        contract_fields(settings),
        links=frozenset({IN_SUBSCRIPTIONS}),
    )


def contract_fields(settings: SalesforceSettings) -> FieldMap:
    """The field map, with the company's own columns."""
    subscription = settings.contract_subscription_column
    auto_renew, signed_on = settings.auto_renew_column, settings.signed_on_column
    return FieldMap(
        "Contract",
        (
            Field("id", ("Id",), lambda row: row["Id"], filters={Op.IN: soql.any_id("Id")}),
            Field(
                IN_SUBSCRIPTIONS,
                (subscription,),
                lambda row: row[subscription],
                filters={Op.IN: soql.any_text(subscription)},
            ),
            Field(
                IN_CRM,
                ("AccountId",),
                lambda row: row["AccountId"],
                filters={Op.IN: soql.any_id("AccountId")},
            ),
            Field("number", ("ContractNumber",), lambda row: row["ContractNumber"]),
            Field("term_months", ("ContractTerm",), _term_months),
            Field("auto_renew", (auto_renew,), lambda row: row[auto_renew]),
            Field("renews_on", ("EndDate",), _renews_on),
            Field("signed_on", (signed_on,), lambda row: date_from_iso(row[signed_on])),
        ),
    )


def _term_months(row: Row) -> int | None:
    # Whole numbers arrive as 12 or as 12.0, by the field's type.
    months = row["ContractTerm"]
    return None if months is None else int(months)


def _renews_on(row: Row) -> date | None:
    """EndDate is the last day of the term; the next term starts the day after."""
    last = date_from_iso(row["EndDate"])
    return None if last is None else last + timedelta(days=1)
