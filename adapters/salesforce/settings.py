"""What a company configures for its org: credentials, and the names of its own columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr

from adapters.contracts.adapter import ConnectionSettings
from adapters.contracts.vocabulary import CustomerStatus

Column = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
"""The API name of a field. Nothing else may stand where a query expects one."""

CUSTOMER_STATUS: Mapping[str, CustomerStatus] = {
    "Prospect": CustomerStatus.PROSPECT,
    "Active": CustomerStatus.ACTIVE,
    "Suspended": CustomerStatus.SUSPENDED,
    "On Hold": CustomerStatus.SUSPENDED,
    "Churned": CustomerStatus.CHURNED,
    "Former Customer": CustomerStatus.CHURNED,
}


class SalesforceSettings(ConnectionSettings):
    """An org. ``base_url`` is its My Domain URL (``https://acme.my.salesforce.com``).

    Credentials are those of an external client app with the client credentials flow and a run-as user.
    """

    client_id: str = Field(min_length=1, description="Consumer key of the external client app.")
    client_secret: SecretStr = Field(description="Consumer secret of the external client app.")
    api_version: str = Field(
        default="v66.0", pattern=r"^v\d{2,3}\.0$", description="REST API version, as in its paths."
    )
    status_column: Column = Field(
        default="Customer_Status__c", description="Account column with the customer's status."
    )
    status_labels: Mapping[str, CustomerStatus] = Field(
        default_factory=lambda: dict(CUSTOMER_STATUS),
        description="Picklist value of the status column (in any case) to the customer's status.",
    )
    segment_column: Column = Field(default="Segment__c", description="Account column with the segment.")
    email_column: Column = Field(default="Email__c", description="Account column with the e-mail address.")
    subscriptions_column: Column = Field(
        default="Chargebee_Customer_Id__c",
        description="Account column with the customer's id in the subscription platform.",
    )
    payments_column: Column = Field(
        default="Stripe_Customer_Id__c",
        description="Account column with the customer's id at the payment gateway.",
    )
    country_column: Column = Field(
        default="ShippingCountryCode",
        description="Account column with the shipping country (ShippingCountry without picklists).",
    )
    country_codes: Mapping[str, str] = Field(
        default_factory=dict[str, str],
        description="Country as the column spells it to ISO 3166-1 alpha-2, where it has no codes.",
    )
    command_column: Column | None = Field(
        default="Fieldgate_Command__c",
        description="Account text column (64 or more) that every write marks with its command's key; null "
        "for none: a write whose answer was lost is then settled by comparing what it wanted.",
    )
    contract_subscription_column: Column = Field(
        default="Chargebee_Subscription_Id__c",
        description="Contract column with the subscription's id in the subscription platform.",
    )
    auto_renew_column: Column = Field(
        default="Auto_Renew__c", description="Contract checkbox: renews by itself."
    )
    signed_on_column: Column = Field(
        default="CustomerSignedDate", description="Contract column with the day of signature."
    )
