"""Who a credential says its bearer is, before policy says what that one may do."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.ids import Ref


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, as its credential names it.

    subject:         who it is, unique among all ways to authenticate.
    roles:           names of roles; unknown ones give nothing.
    scopes:          scopes beside those of the roles.
    email:           in lower case; matched with account managers.
    customers, legal_entities: what the credential is bound to, whatever its roles; None: to nothing.
    """

    subject: str
    roles: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    email: str | None = None
    customers: frozenset[Ref] | None = None
    legal_entities: frozenset[str] | None = None
