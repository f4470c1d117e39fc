"""NetSuite's manifest and settings."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, StringConstraints

from adapters.contracts.adapter import Adapter, ConnectionSettings, Manifest
from adapters.contracts.vocabulary import System


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("not the name of an IANA time zone") from None
    return name


ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
"""A SuiteQL column as configuration spells it: it goes into queries unquoted, so nothing else passes."""

TimeZone = Annotated[str, AfterValidator(_known_zone)]


class VoidRestlet(BaseModel):
    """The deployed script that voids invoices; REST itself cannot (see ``void_restlet.js`` here)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: str = Field(
        pattern=r"^(customscript[a-z0-9_]{0,40}|[0-9]{1,10})$", description="The script's id, either form."
    )
    deploy: str = Field(
        pattern=r"^(customdeploy[a-z0-9_]{0,40}|[0-9]{1,10})$",
        description="The deployment's id, either form.",
    )
    base_url: HttpUrl | None = Field(
        default=None,
        description="The account's RESTlet host; null for the one that belongs to the connection's base_url.",
    )


class NetSuiteSettings(ConnectionSettings):
    """One NetSuite account, reached as an integration with OAuth 2.0 client credentials.

    ``base_url`` is the account's SuiteTalk host, ``https://{account}.suitetalk.api.netsuite.com``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,40}$", description="The account id, 1234567 or 1234567_SB1."
    )
    client_id: str = Field(min_length=1, description="The client id of the integration record.")
    certificate_id: str = Field(
        min_length=1, description="The certificate id of the client credentials mapping."
    )
    private_key: SecretStr = Field(
        description="That certificate's private key, PEM: RSA (signs with PS256) or EC (ES256, ES384, ES512)."
    )
    max_concurrency: int = Field(
        default=15,
        ge=1,
        le=1000,
        description="Requests under way at once. All integrations share the account's limit, 15 at the base "
        "tier.",
    )
    timezone: TimeZone = Field(
        default="UTC", description="The time zone in which the integration's role sees dates and times."
    )
    customer_crm_column: ColumnName = Field(
        default="custentity_crm_id", description="The customer field that holds the CRM's id."
    )
    invoice_subscription_column: ColumnName = Field(
        default="custbody_subscription_id", description="The invoice field that holds the subscription's id."
    )
    payment_column: ColumnName = Field(
        default="custbody_payment_id",
        description="The customer payment field that holds the payment gateway's id.",
    )
    written_off_column: ColumnName | None = Field(
        default="custbody_written_off",
        description="The invoice checkbox that marks a write-off; null where there is none.",
    )
    draft_column: ColumnName | None = Field(
        default=None,
        description="An invoice checkbox that tells a draft from an invoice waiting for approval; NetSuite "
        "has none of its own.",
    )
    tax_id_column: ColumnName = Field(
        default="vatregnumber", description="The customer field that holds the tax registration number."
    )
    entity_code_column: ColumnName = Field(
        default="externalid",
        description="The subsidiary field that holds its code; the internal id stands in where it is empty.",
    )
    accounting_book: int = Field(
        default=1,
        ge=1,
        description="The internal id of the accounting book that ledger entries are read from.",
    )
    customer_command_column: ColumnName | None = Field(
        default="custentity_fieldgate_command",
        description="The customer text field that keeps the key of the last write; null where there is none.",
    )
    invoice_command_column: ColumnName | None = Field(
        default="custbody_fieldgate_command",
        description="The invoice text field that keeps the key of the last write; null where there is none.",
    )
    void_restlet: VoidRestlet | None = Field(
        default=None, description="The RESTlet that voids invoices; null where there is none."
    )

    poll_s: float = Field(default=30.0, ge=1, le=3600, description="Seconds between polls for changes.")
    poll_overlap_s: float = Field(
        default=120.0,
        ge=0,
        le=3600,
        description="Seconds that a poll reaches back behind the one before, for changes that were slow to "
        "become visible.",
    )
    poll_deletions: bool = Field(
        default=True,
        description="Whether deletions are polled as well; the role then needs Setup > Deleted Records.",
    )

    @property
    def restlet_url(self) -> str | None:
        """The RESTlet's whole URL, None where there is none.

        ``https://{account}.restlets.api.netsuite.com`` answers RESTlets, ``….suitetalk.…`` all else.
        """
        restlet = self.void_restlet
        if restlet is None:
            return None
        root = str(restlet.base_url or self.root.replace(".suitetalk.", ".restlets.")).rstrip("/")
        return f"{root}/app/site/hosting/restlet.nl?script={restlet.script}&deploy={restlet.deploy}"


def connect(name: str, settings: NetSuiteSettings) -> Adapter:
    """A connected adapter. Sends nothing; a private key that cannot sign is a ``ValueError``."""
    from adapters.netsuite.adapter import NetSuiteAdapter

    return NetSuiteAdapter(name, settings)


MANIFEST = Manifest(
    name="netsuite",
    title="NetSuite",
    systems=frozenset({System.ERP}),
    settings=NetSuiteSettings,
    connect=connect,
    verified="contract-tested, not verified live",
)
