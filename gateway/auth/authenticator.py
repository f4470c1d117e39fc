"""From the credential of a request to its session, by the kind of credential that it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.auth.development import Development
from gateway.auth.session import Credentials, Session, Unauthenticated

if TYPE_CHECKING:
    from gateway.auth.widget_tokens import WidgetTokens

MAX_CREDENTIAL = 8_192
"""Characters of a credential. A longer one is refused before anything reads it."""

Verify = Callable[[str], Awaitable[Session]]
"""A token's session. Raises ``Unauthenticated``."""

Known = Callable[[bytes], Session | None]
"""The session of a token that was verified lately; None: it is to be verified."""

_SCHEME = "bearer "
_AS_SENT = b"Bearer "
_BEFORE_TOKEN = len(_AS_SENT)


@dataclass
class Authenticator:
    """Every way to say who asks.

    prefixes:    the beginning of a token -> who verifies tokens that begin so.
    tokens:      verifies all other tokens; None: there are no others.
    remembered:  the beginning of a token -> who remembers tokens that begin so, of those that may be used
                 from anywhere; the first that fits is asked.
    development: gives a session to who has no credential; None: nobody gets one.
    widgets:     mints widget tokens; None: there are none.
    """

    prefixes: Mapping[str, Verify] = field(default_factory=dict[str, Verify])
    tokens: Verify | None = None
    remembered: Mapping[bytes, Known] = field(default_factory=dict[bytes, Known])
    development: Development | None = None
    widgets: WidgetTokens | None = None
    closing: Sequence[Callable[[], Awaitable[None]]] = ()

    def __post_init__(self) -> None:
        self._beginnings = [(_AS_SENT + prefix, known) for prefix, known in self.remembered.items()]

    def known(self, authorization: bytes) -> Session | None:
        """The session of a header that was good lately, at once. None: ``session`` tells."""
        for beginning, known in self._beginnings:
            if authorization.startswith(beginning):
                return known(authorization[_BEFORE_TOKEN:])
        return None

    async def session(self, credentials: Credentials) -> Session:
        """Raises ``Unauthenticated`` with the reason."""
        authorization = credentials.authorization
        if authorization is None:
            if self.development is not None:
                return self.development.session(credentials)
            raise Unauthenticated("a credential is needed: Authorization: Bearer …", given=False)
        if len(authorization) > MAX_CREDENTIAL:
            raise Unauthenticated(f"the credential is longer than {MAX_CREDENTIAL} characters")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthenticated("the credential is no bearer token")
        token = authorization[len(_SCHEME) :].strip()
        session = await self._verify_of(token)(token)
        if session.origin is not None and session.origin != credentials.origin:
            raise Unauthenticated("the credential is for pages of another origin")
        return session

    async def aclose(self) -> None:
        for close in self.closing:
            await close()

    def _verify_of(self, token: str) -> Verify:
        for prefix, verify in self.prefixes.items():
            if token.startswith(prefix):
                return verify
        if self.tokens is None:
            raise Unauthenticated("the credential is of no kind that is taken here")
        return self.tokens
