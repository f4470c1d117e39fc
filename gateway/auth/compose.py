"""From the section ``auth`` to an authenticator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.auth.api_keys import ApiKeys
from gateway.auth.authenticator import Authenticator, Known, Verify
from gateway.auth.development import Development
from gateway.auth.key_store import PREFIX as KEY_PREFIX
from gateway.auth.key_store import KeyStore
from gateway.auth.revocations import PostgresqlRevocations, SqliteRevocations
from gateway.auth.settings import AuthSettings
from gateway.policy.engine import Policy
from gateway.store.database import Database


def open_authenticator(
    settings: AuthSettings,
    policy: Policy,
    database: Database,
    file: Path | None,
    *,
    development: bool = False,
) -> Authenticator:
    """The ways to authenticate that are configured; with ``development``, who says nothing is let in.

    ``file`` is where the database is, for SQLite. What signs and verifies tokens is loaded for who has tokens
    only: it takes some ten megabytes.
    """
    prefixes: dict[str, Verify] = {}
    remembered: dict[bytes, Known] = {}
    closing: list[Callable[[], Awaitable[None]]] = []
    if settings.api_keys or development:
        revocations = PostgresqlRevocations(database) if file is None else SqliteRevocations(file)
        keys = ApiKeys(KeyStore(database), revocations, policy)
        prefixes[KEY_PREFIX] = keys.verify
        remembered[KEY_PREFIX.encode()] = keys.known
        closing.append(keys.aclose)
    widgets = None
    if settings.widget_tokens is not None:
        from gateway.auth.widget_tokens import PREFIX as WIDGET_PREFIX
        from gateway.auth.widget_tokens import WidgetTokens

        widgets = WidgetTokens(settings.widget_tokens, policy)
        prefixes[WIDGET_PREFIX] = widgets.verify
    tokens = None
    if settings.issuers:
        from gateway.auth.jwt_tokens import JwtTokens

        tokens = JwtTokens(settings.issuers, policy)
        remembered[b""] = tokens.known
        closing.append(tokens.aclose)
    return Authenticator(
        prefixes,
        None if tokens is None else tokens.verify,
        remembered,
        Development(policy) if development else None,
        widgets,
        tuple(closing),
    )
