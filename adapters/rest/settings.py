"""What a company says of its REST system, in place of code.

One section of ``resources`` for each kind of record that the system has::

    base_url: https://billing.internal.example.com/v2
    auth: {kind: bearer, token: "${BILLING_TOKEN}"}
    resources:
      Subscription:
        path: /subscriptions
        rows: data
        paging: {style: cursor, limit: page_size, cursor: page_token, next: next_page_token, max: 200}
        ids: {param: ids, max: 100}
        keys: {customer_in_crm: {param: crm_ids, max: 50, paged: true}}
        fields:
          id: id
          status: {path: state, values: {live: ACTIVE, ended: CANCELLED}}
          customer_in_crm: crm_id
        filters: {status: {in: state}}
    events:
      proof: {kind: hmac, header: X-Signature, prefix: "sha256=", secrets: ["${BILLING_HOOK_SECRET}"]}
      id: event_id
      type: name
      occurred_at: at
      record: subscription
      version: subscription.revision
      kinds:
        subscription.ended: {record: Subscription, event: SUBSCRIPTION_CANCELLED, words: was cancelled}
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from adapters.contracts.adapter import ConnectionSettings
from adapters.contracts.vocabulary import RecordType
from adapters.rest.event_form import EventForm, HeaderName
from adapters.rest.events import check_kinds
from adapters.rest.faults import Faults
from adapters.rest.mapping import compile_resource
from adapters.rest.section import ResourceForm, Section


class NoAuth(Section):
    """The system asks for no credentials."""

    kind: Literal["none"] = "none"


class HeaderAuth(Section):
    """A key in a header."""

    kind: Literal["header"]
    name: HeaderName
    value: SecretStr


class BearerAuth(Section):
    """A token that does not change, as ``Authorization: Bearer …``."""

    kind: Literal["bearer"]
    token: SecretStr


class BasicAuth(Section):
    """A user name and a password."""

    kind: Literal["basic"]
    username: str
    password: SecretStr


Auth = Annotated[NoAuth | HeaderAuth | BearerAuth | BasicAuth, Field(discriminator="kind")]


class RestSettings(ConnectionSettings):
    """A REST system that answers in JSON. ``base_url`` may have a path, which goes in front of the others."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    auth: Auth = Field(default=NoAuth(), description="Credentials: kind header, bearer, basic or none.")
    headers: dict[HeaderName, str] = Field(
        default_factory=dict[str, str], description="Headers that go with every request; no secrets."
    )
    resources: dict[RecordType, ResourceForm] = Field(
        min_length=1, description="The kinds of record the system has, by canonical type."
    )

    events: EventForm | None = Field(
        default=None, description="The webhooks that the system sends; without it, none are taken."
    )

    @field_validator("resources")
    @classmethod
    def _hold_together(cls, resources: dict[RecordType, ResourceForm]) -> dict[RecordType, ResourceForm]:
        faults = Faults()
        for record_type, form in resources.items():
            compile_resource(record_type.value, record_type, form, faults)
        if faults:
            raise faults.as_error("resources")
        return resources

    @field_validator("events")
    @classmethod
    def _are_of_the_resources(cls, events: EventForm | None, info: ValidationInfo) -> EventForm | None:
        # Absent where they are at fault themselves.
        resources: dict[RecordType, ResourceForm] | None = info.data.get("resources")
        if events is not None and resources is not None:
            faults = Faults()
            check_kinds(events, resources, faults)
            if faults:
                raise faults.as_error("events")
        return events
