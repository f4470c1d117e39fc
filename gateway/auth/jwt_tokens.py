"""Access tokens of identity providers: JWTs signed with a public key of their issuer's."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import Key

from adapters.contracts.vocabulary import RecordType
from gateway.auth.jwks import IssuerKeys
from gateway.auth.session import Session, Unauthenticated
from gateway.auth.settings import IssuerSettings
from gateway.auth.verified import Verified
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.ids import BadId, Ref, decode_id

_CRITICAL = "crit"


@dataclass(frozen=True, slots=True)
class _Issuer:
    settings: IssuerSettings
    keys: IssuerKeys
    claims: jwt.JWTClaimsRegistry


class JwtTokens:
    """Verifies tokens of the configured issuers."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._verified = Verified()
        self._issuers = {
            each.issuer: _Issuer(
                each,
                IssuerKeys(each.issuer, each.jwks_url, each.keys_ttl_s, clock=clock),
                jwt.JWTClaimsRegistry(
                    leeway=int(each.leeway_s),
                    iss={"essential": True, "value": each.issuer},
                    aud={"essential": True, "value": each.audience},
                    exp={"essential": True},
                    sub={"essential": True},
                ),
            )
            for each in issuers
        }

    def known(self, token: bytes) -> Session | None:
        """The session of a token that was verified lately."""
        return self._verified.get(token)

    async def verify(self, token: str) -> Session:
        """The session of a token. Raises ``Unauthenticated``."""
        known = self.known(token.encode())
        if known is not None:
            return known
        header, claims = _unverified(token)
        issuer = self._issuers.get(str(claims.get("iss")))
        if issuer is None:
            raise Unauthenticated("the token is of an issuer that is not known here")
        algorithm = header.get("alg")
        # Before any key is looked at: "none", and a shared secret in the place of a public key, end here.
        if algorithm not in issuer.settings.algorithms:
            raise Unauthenticated("the token is signed by an algorithm that is not taken")
        if _CRITICAL in header:
            raise Unauthenticated("the token demands what is not known here")
        kid = header.get("kid")
        keys = await issuer.keys.find(kid if isinstance(kid, str) else None)
        verified = _verified(token, keys, str(algorithm))
        _check(issuer.claims, verified)
        return self._verified.put(token.encode(), self._session(issuer.settings, verified))

    async def aclose(self) -> None:
        await asyncio.gather(*(issuer.keys.aclose() for issuer in self._issuers.values()))

    def _session(self, settings: IssuerSettings, claims: Mapping[str, Any]) -> Session:
        roles = (settings.roles.get(name, name) for name in _texts(claims.get(settings.roles_claim)))
        email: object = claims.get(settings.email_claim)
        # Whoever may claim any address must not come by another's portfolio.
        trusted = claims.get("email_verified") is not False
        principal = Principal(
            f"{settings.issuer}#{claims['sub']}",
            tuple(roles),
            scopes=frozenset(_texts(_claim(claims, settings.scopes_claim))),
            email=email.lower() if isinstance(email, str) and trusted else None,
            customers=_customers(claims, settings.customer_claim),
            legal_entities=_bound(claims, settings.legal_entities_claim),
        )
        return Session(self._policy.viewer(principal), expires_at=claims["exp"] + settings.leeway_s)


def _unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims, to find out who can verify them. Nothing of them is believed yet."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Unauthenticated("the credential is no token")
    return _object(parts[0]), _object(parts[1])


def _object(part: str) -> Mapping[str, Any]:
    try:
        found = orjson.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise Unauthenticated("the credential is no token") from None
    if not isinstance(found, dict):
        raise Unauthenticated("the credential is no token")
    return cast(dict[str, Any], found)


def _verified(token: str, keys: Sequence[Key], algorithm: str) -> Mapping[str, Any]:
    for key in keys:
        if key.alg is not None and key.alg != algorithm:
            continue
        try:
            return jwt.decode(token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError, TypeError):
            continue
    raise Unauthenticated("no key of the issuer's signed the token")


def _check(registry: jwt.JWTClaimsRegistry, claims: Mapping[str, Any]) -> None:
    try:
        registry.validate(cast(Any, claims))
        if not isinstance(claims["exp"], int | float):
            raise Unauthenticated("the claim exp is no time")
    except ExpiredTokenError:
        raise Unauthenticated("the token expired") from None
    except MissingClaimError as error:
        raise Unauthenticated(f"the token has no claim {error.claim}") from None
    except InvalidClaimError as error:
        if error.claim == "nbf":
            raise Unauthenticated("the token is not valid yet") from None
        raise Unauthenticated(f"the claim {error.claim} is not what is taken here") from None
    except (JoseError, ValueError, TypeError):
        raise Unauthenticated("the claims of the token cannot be used") from None


def _claim(claims: Mapping[str, Any], name: str | None) -> object:
    return None if name is None else claims.get(name)


def _texts(value: object) -> list[str]:
    """A list of names, or names with spaces between."""
    if isinstance(value, str):
        return value.split()
    several = cast(list[object], value) if isinstance(value, list) else []
    return [each for each in several if isinstance(each, str)]


def _bound(claims: Mapping[str, Any], name: str | None) -> frozenset[str] | None:
    """A claim that was configured binds, even where a token is without it: then to nothing."""
    return None if name is None else frozenset(_texts(claims.get(name)))


def _customers(claims: Mapping[str, Any], name: str | None) -> frozenset[Ref] | None:
    bound = _bound(claims, name)
    if bound is None:
        return None
    found: set[Ref] = set()
    for text in bound:
        try:
            ref = decode_id(text)
        except BadId:
            continue
        if ref.type is RecordType.CUSTOMER:
            found.add(ref)
    return frozenset(found)
