"""What a company configures for its org: credentials, and the names of its own columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

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
    organization_id: str | None = Field(
        default=None,
        pattern=r"^00D[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$",
        description="The org's id. Turns change events on, which need the extra `salesforce-events` and "
        "Change Data Capture for accounts; null for none.",
    )
    pubsub_endpoint: str = Field(
        default="api.pubsub.salesforce.com:7443",
        pattern=r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$",
        description="Host and port of the Pub/Sub API.",
    )
    pubsub_tls: bool = Field(
        default=True, description="Whether the Pub/Sub API is reached over TLS; false on loopback alone."
    )
    pubsub_topic: str = Field(
        default="/data/AccountChangeEvent",
        pattern=r"^/data/[A-Za-z][A-Za-z0-9_]{0,79}$",
        description="The channel of change events, such as a custom channel that always sends the status.",
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

    @model_validator(mode="after")
    def _plain_on_loopback_alone(self) -> Self:
        host = self.pubsub_endpoint.rpartition(":")[0]
        if not self.pubsub_tls and host not in ("127.0.0.1", "localhost"):
            raise ValueError("pubsub_tls may be false on loopback alone: the session's token is sent there")
        return self
