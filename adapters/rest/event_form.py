"""What is said of the webhooks that a system sends: their proof of origin, and where an event has what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.contracts.vocabulary import BusinessEventType, RecordType
from adapters.rest.conversion import Form
from adapters.rest.section import DottedPath, Section, short

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class _Proof(Section):
    secrets: tuple[SecretStr, ...] = Field(
        min_length=1, max_length=10, description="The shared secrets; two while one takes the other's place."
    )

    @field_validator("secrets")
    @classmethod
    def _no_guess(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value()) < 16 for secret in secrets):
            raise ValueError("a secret is shorter than 16 characters, and could be guessed")
        return secrets


class HeaderProof(_Proof):
    """The secret itself, in a header. Only for senders that reach the gateway over TLS."""

    kind: Literal["header"]
    name: HeaderName


class HmacProof(_Proof):
    """A code over the raw body, made with the secret (RFC 2104), in a header."""

    kind: Literal["hmac"]
    header: HeaderName
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = Field(default="", max_length=20, description="In front of the code, such as `sha256=`.")


class MomentForm(Section):
    """A day or a time in an event."""

    path: DottedPath
    form: Form = Field(default="iso", description="How it is written.")


class VersionForm(Section):
    """What orders the events of one record: a number that grows, or the time of the change."""

    path: DottedPath
    form: Literal["number", "iso"] = "number"


class EventKind(Section):
    """What the system calls an event, in the company's words."""

    record: RecordType = Field(description="The kind of record that it happened to; one of `resources`.")
    event: BusinessEventType | None = Field(
        default=None,
        description="What happened; without it, the gateway concludes it from the change of status.",
    )
    status: str | None = Field(
        default=None, description="Canonical status after it, where the event carries no record."
    )
    words: str = Field(
        default="was changed", max_length=80, description="Follows the record's id: `was paid`."
    )
    deleted: bool = Field(default=False, description="Whether the record is gone.")


class EventForm(Section):
    """The webhooks of the system, one event a request, sent to `POST /webhooks/{connection}`."""

    proof: Annotated[HeaderProof | HmacProof, Field(discriminator="kind")] = Field(
        description="How a request proves that the system sent it."
    )
    id: DottedPath = Field(description="Path of the event's own id: the same when it is sent again.")
    type: DottedPath = Field(description="Path of what the system calls it.")
    occurred_at: Annotated[MomentForm, short("path")]
    record: DottedPath | None = Field(
        default=None,
        description="Path of the record as the system's rows are; its section of `resources` reads it.",
    )
    record_id: DottedPath | None = Field(
        default=None, description="Path of the record's id, where an event carries no record."
    )
    version: Annotated[VersionForm, short("path")] | None = Field(
        default=None, description="Without it, the gateway reads the record again to know its order."
    )
    kinds: dict[str, EventKind] = Field(
        min_length=1, description="What the system calls its events; others are passed over."
    )

    @model_validator(mode="after")
    def _one_record(self) -> EventForm:
        if (self.record is None) == (self.record_id is None):
            raise ValueError("needs either record or record_id")
        return self
