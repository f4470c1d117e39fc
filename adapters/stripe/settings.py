"""The settings of a connection to Stripe."""

from __future__ import annotations

from pydantic import Field, HttpUrl, SecretStr, field_validator

from adapters.contracts.adapter import ConnectionSettings


class StripeSettings(ConnectionSettings):
    """A Stripe account. Links to other systems live in the metadata of customers and payment intents."""

    base_url: HttpUrl = Field(
        default=HttpUrl("https://api.stripe.com"), description="Where Stripe's API is reached."
    )
    api_key: SecretStr = Field(
        description="A secret key, or a restricted key that may read customers, payment methods, "
        "payment intents and charges; to write, also write payment intents and refunds and read events."
    )
    api_version: str = Field(
        default="2026-10-28.endive",
        pattern=r"^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$",
        description="Sent as Stripe-Version, so that a change of the account's default changes nothing here.",
    )
    account: str | None = Field(
        default=None,
        pattern=r"^acct_[A-Za-z0-9]+$",
        description="A connected account to act for, sent as Stripe-Account.",
    )
    webhook_secrets: tuple[SecretStr, ...] = Field(
        default=(),
        description="Signing secrets of the webhook endpoint, `whsec_…`; two while one takes the place of "
        "the other. Without any, webhooks are refused.",
    )
    crm_id_key: str = Field(
        default="crm_id",
        min_length=1,
        max_length=40,
        description="Metadata key of customers and payment intents that holds the CRM's customer id.",
    )
    erp_invoice_id_key: str = Field(
        default="erp_invoice_id",
        min_length=1,
        max_length=40,
        description="Metadata key of payment intents that holds the ERP's invoice id.",
    )

    @field_validator("webhook_secrets")
    @classmethod
    def _no_empty_secret(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value() for secret in secrets):
            raise ValueError("a signing secret is empty, and would let anybody in")
        return secrets

    @property
    def test_mode(self) -> bool:
        """Whether the key is of test mode; its second part says so (https://docs.stripe.com/keys)."""
        return self.api_key.get_secret_value().split("_")[1:2] == ["test"]
