"""An authenticated credential: its viewer, its end, and who is to be told of the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from resolvers.viewer import Viewer

EXPIRED = "the credential expired"
REVOKED = "the credential was revoked"


class Unauthenticated(Exception):
    """Nobody known asks. The text says why, and nothing of the credential.

    given:     whether there was a credential at all.
    retryable: whether the same credential can be good later: its issuer's keys could not be had.
    """

    def __init__(self, message: str, *, given: bool = True, retryable: bool = False) -> None:
        super().__init__(message)
        self.given = given
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings to say who asks.

    authorization: the header, or the field of ``connection_init``.
    origin:        of the page that asks, where a browser says so.
    hints:         headers of the sandbox's role switch, in lower case; nothing elsewhere reads them.
    """

    authorization: str | None
    origin: str | None = None
    hints: Mapping[str, str] = field(default_factory=dict[str, str])


class Session:
    """A credential that was found good. ``expires_at``: seconds since 1970; None: it does not expire.

    origin: the only origin it may be used from; None: any.
    """

    __slots__ = ("_listeners", "_timer", "expires_at", "key_id", "origin", "viewer")

    def __init__(
        self,
        viewer: Viewer,
        *,
        expires_at: float | None = None,
        origin: str | None = None,
        key_id: str | None = None,
    ) -> None:
        self.viewer = viewer
        self.expires_at = expires_at
        self.origin = origin
        self.key_id = key_id
        self._listeners: dict[Callable[[str], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        return self.expires_at is not None and time.time() >= self.expires_at

    @property
    def watched(self) -> bool:
        return bool(self._listeners)

    def on_end(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Has a stream told, with the reason, that it may not go on. Gives what takes that back."""
        self._listeners[listener] = None
        if self._timer is None and self.expires_at is not None:
            self._timer = asyncio.get_running_loop().call_later(
                max(0.0, self.expires_at - time.time()), self.end, EXPIRED
            )

        def forget() -> None:
            self._listeners.pop(listener, None)
            if not self._listeners and self._timer is not None:
                self._timer.cancel()
                self._timer = None

        return forget

    def end(self, reason: str) -> None:
        """Tells all streams of the session."""
        listeners, self._listeners = self._listeners, {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for listener in listeners:
            listener(reason)
