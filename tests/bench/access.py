"""What authentication and policy add to a small query, in microseconds: ``python -m tests.bench.access``.

Each line is the median of several rounds of the real code on this machine: no network, no system, and a
database of its own in a temporary folder.
"""

from __future__ import annotations

import asyncio
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.app import create_app
from gateway.auth.authenticator import Authenticator
from gateway.auth.key_store import KeyStore, NewKey
from gateway.auth.settings import AuthSettings
from gateway.compose import compose
from gateway.limits.settings import LimitSettings, RateSettings
from gateway.observability.settings import ObservabilitySettings
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from gateway.settings import Config
from gateway.store.settings import StateSettings
from gateway.transport.authentication import Authentication
from resolvers.guard import guarded_read
from resolvers.viewer import UNRESTRICTED, Viewer
from tests.auth.issuer import Issuer, issuing

ROUNDS = 15
WHOLE = "a small query as a whole, with a key, in the process"

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
        config = Config(
            state=StateSettings(folder=Path(folder)),
            auth=AuthSettings(api_keys=True, issuers=(issuer.settings(),)),
            observability=ObservabilitySettings(access_log=False),
            limits=LimitSettings(rate=RateSettings(points=10**12)),
            connections=(),
        )
        parts = await compose(config)
        key = await KeyStore(parts.commands.database).create(NewKey("bench", ("finance",)))
        try:
            small = await _small_query(create_app(parts), key, max(1, times // 10))
            costs = await _costs(parts.authenticator, Policy(), issuer, key, times)
            return [Cost(WHOLE, small), *costs]
        finally:
            await parts.aclose()


async def _small_query(app: ASGIApp, key: str, times: int) -> float:
    """A whole request for the gateway's own knowledge: routing, key, limits, parsing, policy, answer."""
    body = orjson.dumps({"query": "{ systems { system } }"})
    statuses: set[int] = set()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.add(message["status"])

    async def once() -> None:
        more = {
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "state": {},
            "root_path": "",
        }
        scope = {**_scope(key), **more, "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1)}
        await app({**scope, "server": ("127.0.0.1", 80)}, receive, send)

    found = await _median(once, times)
    assert statuses == {200}
    return found


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
    """The lines as Markdown. The first is the whole, of which the others are a part."""
    whole = costs[0].microseconds
    lines = [f"Measured {datetime.now(UTC):%Y-%m-%d}: Python {platform.python_version()}.", ""]
    lines += ["| What | µs | of a small query |", "|---|---|---|"]
    for each in costs:
        lines.append(f"| {each.what} | {each.microseconds:.1f} | {each.microseconds / whole:.1%} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    times = int(arguments[1]) if len(arguments) > 1 else 2_000
    print(table(asyncio.run(measure(times))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
