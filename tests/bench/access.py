"""What authentication and policy add to a small query, in microseconds: ``python -m tests.bench.access``.

Each line is the median of several rounds of the real code on this machine: no network, no system, and a
database of its own in a temporary folder.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from gateway.auth.authenticator import Authenticator
from gateway.auth.compose import open_authenticator
from gateway.auth.key_store import KeyStore, NewKey
from gateway.auth.settings import AuthSettings
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from gateway.store.database import Database, sqlite_url
from gateway.transport.authentication import Authentication
from resolvers.guard import guarded_read
from resolvers.viewer import UNRESTRICTED, Viewer
from tests.auth.issuer import Issuer, issuing

ROUNDS = 15
SMALL = 10
"""Fields of a small query."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One line: what was done, and the median of its rounds in microseconds."""

    what: str
    microseconds: float


async def measure(times: int) -> list[Cost]:
    """All lines. ``times`` is how often each thing is done in a round; verifying anew, a fiftieth of it."""
    with tempfile.TemporaryDirectory() as folder, issuing() as issuer:
        file = Path(folder) / "state.sqlite"
        database = await Database.open(sqlite_url(file))
        policy = Policy()
        settings = AuthSettings(api_keys=True, issuers=(issuer.settings(),))
        authenticator = open_authenticator(settings, policy, database, file)
        key = await KeyStore(database).create(NewKey("bench", ("finance",)))
        try:
            return await _costs(authenticator, policy, issuer, key, times)
        finally:
            await authenticator.aclose()
            await database.aclose()


async def _costs(
    authenticator: Authenticator, policy: Policy, issuer: Issuer, key: str, times: int
) -> list[Cost]:
    async def nothing(scope: Scope, receive: Receive, send: Send) -> None: ...

    app = Authentication(nothing, authenticator)
    fresh = iter([issuer.sign(jti=str(at)) for at in range(ROUNDS * max(1, times // 50) + 1)])

    async def plain() -> None:
        await nothing({}, _receive, _send)

    async def by_key() -> None:
        await app(_scope(key), _receive, _send)

    token = issuer.sign()

    async def by_token() -> None:
        await app(_scope(token), _receive, _send)

    async def anew() -> None:
        await app(_scope(next(fresh)), _receive, _send)

    principal = Principal("bench", ("finance",))

    async def viewer() -> None:
        policy.viewer(principal)

    bare = await _median(plain, times)
    return [
        Cost("an API key that is remembered", await _median(by_key, times) - bare),
        Cost("a token that is remembered", await _median(by_token, times) - bare),
        Cost("a token verified anew (RS256)", await _median(anew, max(1, times // 50)) - bare),
        Cost("a viewer made from its roles", await _median(viewer, times) - bare),
        Cost(f"policy at {SMALL} fields, nothing restricted", _guard(UNRESTRICTED, times)),
        Cost(f"policy at {SMALL} fields, some restricted", _guard(policy.viewer(principal), times)),
    ]


def _guard(viewer: Viewer, times: int) -> float:
    """What the guard adds to the fields of a small query."""

    def resolve(source: Any, info: Any) -> Any:
        return source

    guarded = guarded_read(("Customer", "name"), resolve)
    info = SimpleNamespace(context=SimpleNamespace(viewer=viewer))

    def once(call: Callable[[Any, Any], Any]) -> float:
        began = time.perf_counter()
        for _ in range(times):
            call(None, info)
        return (time.perf_counter() - began) / times * 1e6

    with_guard = statistics.median(once(guarded) for _ in range(ROUNDS))
    return SMALL * (with_guard - statistics.median(once(resolve) for _ in range(ROUNDS)))


async def _median(act: Callable[[], Awaitable[None]], times: int) -> float:
    await act()
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            await act()
        found.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(found)


def _scope(credential: str) -> dict[str, Any]:
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"authorization", f"Bearer {credential}".encode()),
    ]
    return {"type": "http", "method": "POST", "headers": headers}


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(message: Message) -> None:
    raise AssertionError(orjson.dumps(str(message)))


def table(costs: list[Cost]) -> str:
    """The lines as Markdown."""
    lines = ["| What | µs |", "|---|---|"]
    return "\n".join([*lines, *(f"| {each.what} | {each.microseconds:.1f} |" for each in costs)])


def main(arguments: list[str]) -> int:
    times = int(arguments[1]) if len(arguments) > 1 else 2_000
    print(table(asyncio.run(measure(times))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
