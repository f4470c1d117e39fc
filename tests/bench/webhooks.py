"""From a webhook to the socket of whoever watches, on a sandbox: ``python -m tests.bench.webhooks``.

A signed webhook is posted and its event awaited on a WebSocket that is open; the time is from the first byte
of the request to the event, read. One after the other, so that nothing waits but for itself. ``--write`` puts
the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import websockets

from adapters.stripe.emulator.events import prove
from tests.support.marked import with_section
from tests.support.origin import commit_of, machine
from tests.support.sandbox import Sandbox, sandbox
from tests.support.told import customer_updated

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
WEBHOOKS = 300
TARGET_MS = 50

SELECTIONS = {
    "the event itself": "type summary cursor",
    "and its customer, read from the CRM": "type summary cursor customer { name }",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds from webhook to socket, with one selection."""

    selection: str
    median_ms: float
    p99_ms: float
    webhooks: int


def measure(webhooks: int = WEBHOOKS) -> list[Figures]:
    """On a sandbox in which nothing happens by itself."""
    with (
        tempfile.TemporaryDirectory(prefix="fieldgate-bench-") as folder,
        sandbox(Path(folder) / "s") as running,
    ):
        return [asyncio.run(_measure(running, name, fields, webhooks)) for name, fields in SELECTIONS.items()]


def table(found: Sequence[Figures], commit: str) -> str:
    """The figures as a section of docs/performance.md."""
    load, *_ = os.getloadavg()
    return "\n".join(
        [
            f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit} on {machine()}, at a load average of "
            f"{load:.1f} (nice {os.nice(0)}).",
            "",
            "| selected | median | p99 | webhooks |",
            "|---|--:|--:|--:|",
            *(
                f"| {each.selection} | {each.median_ms:.1f} ms | {each.p99_ms:.1f} ms | {each.webhooks} |"
                for each in found
            ),
        ]
    )


async def _measure(running: Sandbox, name: str, fields: str, webhooks: int) -> Figures:
    document = f"subscription {{ businessEvents {{ {fields} }} }}"
    crm_ids = [each.crm_id for each in running.world.customers]
    protocols: Any = ["graphql-transport-ws"]
    url = running.gateway.url
    async with (
        websockets.connect(f"{url.replace('http', 'ws')}/graphql", subprotocols=protocols) as socket,
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
    ):
        await socket.send('{"type": "connection_init"}')
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": document}}))

        async def one(number: int) -> float:
            key = f"evt_{len(fields)}_{number}"
            body = customer_updated(key, f"cus_{key}", crm_ids[number % len(crm_ids)])
            headers = dict(prove(body, int(time.time())))
            started = time.perf_counter()
            posting = asyncio.create_task(http.post(f"{url}/webhooks/stripe", content=body, headers=headers))
            while f"cus_{key} " not in (heard := await socket.recv()):
                assert "errors" not in str(heard), heard
            elapsed_s = time.perf_counter() - started
            assert (await posting).status_code == 204
            return elapsed_s

        # The first ones open connections, and find the subscription on its way to the log.
        for number in range(-10, 0):
            await one(number)
        times = sorted([await one(number) for number in range(webhooks)])
    p99 = times[min(len(times) - 1, round(len(times) * 0.99))]
    return Figures(name, statistics.median(times) * 1000, p99 * 1000, webhooks)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.webhooks")
    parser.add_argument("--write", action="store_true", help="write the figures to docs/performance.md")
    options = parser.parse_args()
    commit = commit_of(ROOT)
    found = measure()
    text = table(found, commit)
    print(text)
    if options.write:
        PAGE.write_text(with_section(PAGE.read_text(), "webhooks", text))
    return 0 if found[0].median_ms < TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
