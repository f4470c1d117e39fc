"""The sandbox's identity: whoever asks without a credential, in the role that the request names."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.contracts.vocabulary import RecordType
from gateway.auth.session import Credentials, Session, Unauthenticated
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.ids import BadId, Ref, decode_id

ROLE = "x-fieldgate-role"
CUSTOMER = "x-fieldgate-customer"
EMAIL = "x-fieldgate-email"
LEGAL_ENTITIES = "x-fieldgate-legal-entities"
HINTS = (ROLE, CUSTOMER, EMAIL, LEGAL_ENTITIES)
"""The headers, and fields of ``connection_init``, that switch who the developer is."""

DEFAULT_ROLE = "admin"


class Development:
    """Gives sessions without a credential. There is one in the sandbox only."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def session(self, credentials: Credentials) -> Session:
        """Raises ``Unauthenticated`` for a role that does not exist."""
        hints = credentials.hints
        role = hints.get(ROLE) or DEFAULT_ROLE
        if role not in self._policy.roles:
            raise Unauthenticated(f"{ROLE}: there is no role of that name; /auth/roles lists them")
        entities = hints.get(LEGAL_ENTITIES)
        principal = Principal(
            f"development:{role}",
            (role,),
            email=hints.get(EMAIL),
            customers=_customer(hints.get(CUSTOMER)),
            legal_entities=None if entities is None else frozenset(entities.split(",")),
        )
        return Session(self._policy.viewer(principal))

    def routes(self) -> list[Route]:
        """``GET /auth/roles``: what there is to switch between."""

        async def roles(_: Request) -> Response:
            listed: list[dict[str, Any]] = [
                {
                    "name": role.name,
                    "description": role.settings.description,
                    "needsCustomer": role.settings.rows.one_customer,
                }
                for role in self._policy.roles.values()
            ]
            body = {"default": DEFAULT_ROLE, "header": ROLE, "customerHeader": CUSTOMER, "roles": listed}
            return JSONResponse(body, headers={"cache-control": "no-store"})

        return [Route("/auth/roles", roles, methods=["GET"])]


def _customer(text: str | None) -> frozenset[Ref] | None:
    if not text:
        return None
    try:
        ref = decode_id(text)
    except BadId:
        raise Unauthenticated(f"{CUSTOMER}: not an id of this graph") from None
    if ref.type is not RecordType.CUSTOMER:
        raise Unauthenticated(f"{CUSTOMER}: not the id of a customer")
    return frozenset({ref})
