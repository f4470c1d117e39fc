"""The settings of a Chargebee connection."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from adapters.contracts.adapter import ConnectionSettings


class ChargebeeSettings(ConnectionSettings):
    """``base_url`` is the site, ``https://{site}.chargebee.com``; the API is looked for under ``/api/v2``."""

    api_key: SecretStr = Field(description="An API key of the site; a read-only key is enough for reading.")
    customer_in_crm: str = Field(
        default="cf_crm_id",
        pattern=r"^cf_[A-Za-z0-9_]+$",
        description="Custom field of a customer that holds the CRM's id of the same customer.",
    )
    webhook_username: str | None = Field(
        default=None,
        min_length=1,
        pattern=r"^[^:]+$",
        description="User name that the site's webhooks prove themselves with, together with "
        "`webhook_password`. Without this pair and without `webhook_path_secret`, webhooks are refused.",
    )
    webhook_password: SecretStr | None = Field(
        default=None, min_length=1, description="Password of the site's webhooks."
    )
    webhook_path_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Last step of the path that the site's webhooks are sent to: "
        "`/webhooks/{connection}/{secret}`. Where a password is set too, both must be right.",
    )
    cancel_reason_codes: tuple[str, ...] = Field(
        default=(),
        description="Reason codes that the site has for cancelling a subscription. A cancellation whose "
        "reason is one of them says so in Chargebee; any other reason stays with the command.",
    )

    @model_validator(mode="after")
    def _whole_pair(self) -> Self:
        if (self.webhook_username is None) != (self.webhook_password is None):
            raise ValueError("webhook_username and webhook_password go together")
        return self
