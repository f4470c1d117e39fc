"""The settings of a Chargebee connection."""

from __future__ import annotations

from pydantic import Field, SecretStr

from adapters.contracts.adapter import ConnectionSettings


class ChargebeeSettings(ConnectionSettings):
    """``base_url`` is the site, ``https://{site}.chargebee.com``; the API is looked for under ``/api/v2``."""

    api_key: SecretStr = Field(description="An API key of the site; a read-only key is enough for reading.")
    customer_in_crm: str = Field(
        default="cf_crm_id",
        pattern=r"^cf_[A-Za-z0-9_]+$",
        description="Custom field of a customer that holds the CRM's id of the same customer.",
    )
    cancel_reason_codes: tuple[str, ...] = Field(
        default=(),
        description="Reason codes that the site has for cancelling a subscription. A cancellation whose "
        "reason is one of them says so in Chargebee; any other reason stays with the command.",
    )
