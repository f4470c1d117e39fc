"""The section ``policy`` of the configuration: roles of one's own, and fields that take more scopes."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from adapters.contracts.vocabulary import Word
from gateway.section import Section

SCOPE = r"^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$"

ScopeName = Annotated[str, Field(pattern=SCOPE)]
RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class Personal(Word):
    """What a role sees of personal fields: their values, a mask, or nothing."""

    CLEAR = "CLEAR"
    MASKED = "MASKED"
    REFUSED = "REFUSED"


class RowSettings(Section):
    """Which customers a role sees, and with them which objects. Everything given must hold."""

    one_customer: bool = Field(
        default=False, description="Only the customers that the caller's credential is bound to."
    )
    own_portfolio: bool = Field(
        default=False,
        description="Only customers whose account manager has the e-mail address of the caller's credential.",
    )
    own_legal_entities: bool = Field(
        default=False,
        description="Only customers of the legal entities that the caller's credential names, without the "
        "invoices of others.",
    )
    legal_entities: tuple[str, ...] = Field(
        default=(),
        description="Only customers of these legal entities, by their codes in the ERP, without the invoices "
        "of others.",
    )


class RoleSettings(Section):
    """A role of one's own, or a built-in one as it should be here."""

    description: str = Field(default="", description="What the role is for.")
    extends: tuple[RoleName, ...] = Field(
        default=(), description="Roles whose scopes it has too; the built-in ones are among them."
    )
    scopes: tuple[ScopeName, ...] = Field(default=(), description="Scopes that it has.")
    without: tuple[ScopeName, ...] = Field(
        default=(), description="Scopes that it has not, whatever it extends."
    )
    personal: Personal = Field(default=Personal.MASKED, description="What it sees of personal fields.")
    rows: RowSettings = RowSettings()


_FIELD = re.compile(r"[A-Z][A-Za-z]*\.[a-z][A-Za-z0-9]*")


def _field_name(key: str) -> str:
    if not _FIELD.fullmatch(key):
        raise ValueError("not Type.field, as in Customer.taxId")
    return key


class PolicySettings(Section):
    """Who may read and write what."""

    roles: dict[RoleName, RoleSettings] = Field(
        default_factory=dict,
        description="Roles beside the built-in ones, by name; a name of those takes their place.",
    )
    fields: dict[Annotated[str, AfterValidator(_field_name)], tuple[ScopeName, ...]] = Field(
        default_factory=dict,
        description="Fields that take other scopes than usual, as in `Customer.taxId: [tax:read]`; all of "
        "them are needed. Scopes that are named here exist.",
    )
