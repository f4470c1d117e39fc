"""What ``fieldgate doctor`` says of the section ``auth``: who could call, and what keeps them from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from joserfc.errors import JoseError
from joserfc.jwk import Key
from sqlalchemy.exc import SQLAlchemyError

from adapters.contracts.adapter import Finding
from adapters.contracts.errors import SystemFault
from gateway.auth.jwks import IssuerKeys
from gateway.auth.key_store import ApiKey, KeyStore
from gateway.auth.settings import AuthSettings, IssuerSettings
from gateway.store.database import Database

TIMEOUT_S = 20

_KINDS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", None),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Algorithm -> the kind of key that verifies it, and its curve."""


def _now() -> datetime:
    return datetime.now(UTC)


async def check_auth(
    settings: AuthSettings,
    roles: Iterable[str],
    database: Callable[[], Database | None],
    *,
    now: Callable[[], datetime] = _now,
) -> list[Finding]:
    """A line for each thing.

    roles:    the names of those that there are.
    database: opens the one with the API keys; None where it was never made.
    """
    known = frozenset(roles)
    checks = [_issuer(each, known, now) for each in settings.issuers]
    if settings.api_keys:
        checks.append(_api_keys(database, known, now(), others=bool(settings.issuers)))
    findings = [each for found in await asyncio.gather(*checks) for each in found]
    if not settings.configured:
        findings.append(
            Finding("callers", False, "nobody could call: there is neither an issuer, nor are API keys taken")
        )
    if (widgets := settings.widget_tokens) is not None:
        kept = len(widgets.previous_secrets)
        told = (
            f"signed with a key of the gateway, good for {widgets.lifetime_s} s, in the role {widgets.role}"
        )
        findings.append(
            Finding("widget tokens", True, f"{told}; {kept} earlier secrets count too" if kept else told)
        )
        findings += _roles({widgets.role: "of widget tokens"}, known)
    return findings


async def _issuer(
    settings: IssuerSettings, roles: frozenset[str], now: Callable[[], datetime]
) -> list[Finding]:
    keys = IssuerKeys(settings.issuer, settings.jwks_url, settings.keys_ttl_s)
    findings = _roles(dict.fromkeys(settings.roles.values(), f"given by {settings.issuer}"), roles)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            published = await keys.published()
    except TimeoutError:
        return [Finding("issuer", False, f"{settings.issuer} did not answer within {TIMEOUT_S} s"), *findings]
    except (SystemFault, JoseError, ValueError) as error:
        return [Finding("issuer", False, f"the keys of {settings.issuer} cannot be had: {error}"), *findings]
    finally:
        await keys.aclose()
    usable = [each for each in published.keys if _verifies(each, settings.algorithms)]
    algorithms = ", ".join(settings.algorithms)
    detail = (
        f"{settings.issuer} has {len(usable)} of {len(published.keys)} keys for {algorithms} at "
        f"{published.url}; tokens must be for the audience {settings.audience}"
    )
    clock = _clock(settings, published.date, now())
    return [Finding("issuer", bool(usable), detail), *([] if clock is None else [clock]), *findings]


def _verifies(key: Key, algorithms: Sequence[str]) -> bool:
    """Whether a key can verify a signature by one of the algorithms."""
    public = cast("dict[str, Any]", key.as_dict(private=False))
    return any(
        key.alg in (None, algorithm) and public["kty"] == kind and curve in (None, public.get("crv"))
        for algorithm in algorithms
        for kind, curve in [_KINDS[algorithm]]
    )


def _clock(settings: IssuerSettings, date: str | None, now: datetime) -> Finding | None:
    """How far the issuer's clock is from ours; None where it does not say."""
    try:
        theirs = None if date is None else parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs is None or theirs.tzinfo is None:
        return None
    # Its clock is told in whole seconds.
    apart = max(0, round(abs((now - theirs).total_seconds()) - 1))
    leeway = f"{settings.leeway_s:g} s are allowed (leeway_s)"
    return Finding(
        "clock", apart <= settings.leeway_s, f"{apart} s apart from that of {settings.issuer}; {leeway}"
    )


async def _api_keys(
    database: Callable[[], Database | None], roles: frozenset[str], now: datetime, *, others: bool
) -> list[Finding]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            keys = await _stored(database)
    except TimeoutError:
        return [Finding("API keys", False, f"the database did not answer within {TIMEOUT_S} s")]
    except (SQLAlchemyError, OSError) as error:
        # The text can have the database's address, and statements.
        why = f"the database cannot be read ({type(error).__name__})"
        return [Finding("API keys", False, f"{why}; `fieldgate serve` brings its tables up to date")]
    usable = [each for each in keys if each.usable(now)]
    detail = f"{len(usable)} of {len(keys)} are usable"
    if not usable:
        detail += "; `fieldgate keys create` makes one"
    named = {role: f"of the key {each.shown}" for each in usable for role in each.roles}
    # Where there are issuers, somebody may call without any.
    return [Finding("API keys", bool(usable) or others, detail), *_roles(named, roles)]


async def _stored(database: Callable[[], Database | None]) -> Sequence[ApiKey]:
    store = database()
    if store is None:
        return ()
    try:
        return await KeyStore(store).all()
    finally:
        await store.aclose()


def _roles(named: Mapping[str, str], known: frozenset[str]) -> list[Finding]:
    """What is wrong with roles that are named somewhere: nothing else would tell, for they give nothing."""
    return [
        Finding("roles", False, f"there is no role {role}, {where}: it gives nothing")
        for role, where in named.items()
        if role not in known
    ]
