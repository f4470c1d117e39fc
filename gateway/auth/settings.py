"""The section ``auth`` of the configuration: who may call, and how they prove it."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.policy.settings import RoleName
from gateway.section import Section

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"
]
"""Signatures with a public key. Those with a shared one are none: a public key must never verify them."""


def _https(value: str) -> str:
    parts = urlsplit(value)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("not an https URL; http is taken on loopback only")
    return value


class IssuerSettings(Section):
    """An identity provider whose access tokens (JWT) are taken."""

    issuer: Annotated[str, AfterValidator(_https)] = Field(
        description="Its name in the claim `iss`, as in `https://login.example.com/`."
    )
    audience: str = Field(min_length=1, description="What the claim `aud` must have: this API's name there.")
    jwks_url: Annotated[str, AfterValidator(_https)] | None = Field(
        default=None,
        description="Where its public keys are; without it, what its "
        "`/.well-known/openid-configuration` says.",
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "ES256"), min_length=1, description="Signatures that are taken. No other is."
    )
    leeway_s: float = Field(
        default=60, ge=0, le=300, description="Seconds by which its clock and ours may differ."
    )
    keys_ttl_s: float = Field(
        default=600,
        ge=10,
        le=86_400,
        description="Seconds its public keys are used before they are asked for.",
    )
    roles_claim: str = Field(default="roles", min_length=1, description="The claim with the caller's roles.")
    roles: dict[str, RoleName] = Field(
        default_factory=dict,
        description="What the claim says: the role here; what is not named is a role of that name.",
    )
    scopes_claim: str | None = Field(
        default=None, description="A claim with scopes that the caller has beside those of its roles."
    )
    email_claim: str = Field(
        default="email", min_length=1, description="The claim with the e-mail address, for portfolios."
    )
    legal_entities_claim: str | None = Field(
        default=None, description="A claim with the legal entities that the caller is bound to."
    )
    customer_claim: str | None = Field(
        default=None, description="A claim with the global id of the customer that the caller is bound to."
    )


def _long_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("shorter than 32 characters")
    return value


class WidgetSettings(Section):
    """Widget tokens: short-lived, minted by a trusted backend for one customer and one origin."""

    secret: Annotated[SecretStr, AfterValidator(_long_secret)] = Field(
        description="Signs the tokens; at least 32 characters, the same for all replicas."
    )
    previous_secrets: tuple[SecretStr, ...] = Field(
        default=(), description="Secrets whose tokens are still taken, while the secret is rotated."
    )
    lifetime_s: int = Field(default=600, ge=30, le=3600, description="Seconds a token is good for.")
    role: RoleName = Field(default="widget", description="The role of who has such a token.")


class AuthSettings(Section):
    """Who may call. `fieldgate serve` does not start where nobody could."""

    issuers: tuple[IssuerSettings, ...] = Field(default=(), description="Identity providers.")
    api_keys: bool = Field(
        default=False,
        description="Whether API keys of services are taken: `fieldgate keys create` makes them.",
    )
    widget_tokens: WidgetSettings | None = Field(default=None, description="Tokens for widgets.")

    @property
    def configured(self) -> bool:
        """Whether anybody can be authenticated. Widget tokens are minted by somebody who is."""
        return bool(self.issuers) or self.api_keys
