"""The settings of a Tryton connection."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, SecretStr, StringConstraints, model_validator

from adapters.contracts.adapter import ConnectionSettings

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
"""A field of a Tryton model. No dots: a link is a field of the record itself."""


class TrytonSettings(ConnectionSettings):
    """One Tryton database, reached as one user: with a password, or with a key of that user.

    The company that counts, its currency and its language are those of the user's preferences.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="The database's name.")
    username: str | None = Field(
        default=None, min_length=1, description="The login of a user; goes with `password`."
    )
    password: SecretStr | None = Field(default=None, description="That user's password.")
    application_key: SecretStr | None = Field(
        default=None,
        description="A validated key of the user's application `rest`, in place of login and password.",
    )
    customer_link: FieldName = Field(
        default="code", description="The field of a party that holds the CRM's id of the customer."
    )
    subscription_link: FieldName = Field(
        default="reference", description="The field of an invoice that holds the subscription's id."
    )
    payment_link: FieldName = Field(
        default="description",
        description="The field of an account move that holds the payment gateway's id of the payment; what "
        "is typed as the description when an invoice is paid arrives there.",
    )
    memo_field: FieldName = Field(default="comment", description="The field of an invoice that is its memo.")

    tax_id_type: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2}_[a-z0-9]+$",
        description="The type of a tax identifier that is given to a customer who has none, as `eu_vat`; "
        "without it such a change is refused.",
    )

    poll_s: float = Field(default=30.0, ge=1, le=3600, description="Seconds between polls for changes.")
    poll_overlap_s: float = Field(
        default=120.0,
        ge=0,
        le=3600,
        description="Seconds that a poll reaches back behind the newest change it knows, for transactions "
        "that took long.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        with_password = self.username is not None and self.password is not None
        half = (self.username is None) != (self.password is None)
        if half or with_password == (self.application_key is not None):
            raise ValueError("give either username and password, or application_key")
        return self
