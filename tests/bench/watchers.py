"""Sockets that each watch a customer of their own, and the webhooks that reach one of them each.

``python -m tests.bench.watchers URL SOCKETS EVENTS_PER_S SECONDS`` prints and records what was measured. A
delivery is timed from the moment its webhook is sent; CPU and memory are those of whoever listens at URL.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from adapters.contracts.vocabulary import RecordType
from adapters.http import HttpClient
from resolvers.ids import Ref
from tests.bench.servers import BENCH

sys.path.append(str(BENCH))

AT_ONCE = 64
"""Handshakes at a time."""

QUERY = """subscription ($id: ID!) {
  invoiceStatusChanged(customerId: $id) { event { id cursor type occurredAt summary } previous current }
}"""
GRACE_S = 30


class Watcher(asyncio.Protocol):
    """One socket of the graphql-transport-ws protocol."""

    def __init__(self, head: bytes, hello: bytes, ask: bytes, heard: Any) -> None:
        self._head, self._hello, self._ask, self._heard = head, hello, ask, heard
        self._buffer = b""
        self._upgraded = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                sys.exit(f"watchers: {head[:200]!r}")
            self._upgraded, self._buffer = True, rest
            self._transport.write(_frame(self._hello))
        while (size := _size(self._buffer)) is not None and len(self._buffer) >= sum(size):
            start, length = size
            kind, payload = self._buffer[0] & 15, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            if kind == 1:
                self._told(payload)
            elif kind == 9:
                self._transport.write(_frame(payload, 10))

    def _told(self, payload: bytes) -> None:
        if b'"connection_ack"' in payload:
            self._transport.write(_frame(self._ask))
            # What is asked after it is answered after it: the pong says that the subscription has begun.
            self._transport.write(_frame(b'{"type":"ping"}'))
        elif b'"next"' in payload:
            self._heard(int(payload.partition(b"bench-")[2][:20]))
        elif b'"pong"' in payload:
            self.ready.set_result(None)
        elif b'"error"' in payload:
            sys.exit(f"watchers: {payload[:300]!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            sys.exit("watchers: a socket was closed before it was subscribed")


def _frame(payload: bytes, kind: int = 1) -> bytes:
    """A frame masked with zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((0x80 | kind,)) + length + bytes(4) + payload


def _size(data: bytes) -> tuple[int, int] | None:
    """Where the payload of the first frame starts, and its length; None where that is not known yet."""
    if len(data) < 4:
        return None
    short = data[1] & 127
    return (2, short) if short < 126 else (4, int.from_bytes(data[2:4], "big"))


async def _watch(options: argparse.Namespace, headers: dict[str, str], heard: Any) -> list[Watcher]:
    parts = urlsplit(options.url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"GET /graphql HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n{lines}\r\n"
    ).encode()
    hello = json.dumps({"type": "connection_init", "payload": headers}).encode()
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Watcher:
        variables = {"id": Ref(RecordType.CUSTOMER, "crm", f"cus_{number:05}").encode()}
        payload = {"query": QUERY, "variables": variables}
        ask = json.dumps({"id": "1", "type": "subscribe", "payload": payload}).encode()
        async with gate:
            _, made = await loop.create_connection(
                lambda: Watcher(head, hello, ask, heard), parts.hostname, parts.port
            )
            await made.ready
            return made

    return await asyncio.gather(*(one(number) for number in range(options.sockets)))


async def _publish(options: argparse.Namespace, headers: dict[str, str], http: HttpClient) -> int:
    """Events at their pace, each for the next customer; gives how many."""
    loop = asyncio.get_running_loop()
    begun, sending, count = loop.time(), set[asyncio.Task[None]](), int(options.rate * options.seconds)

    async def send(number: int) -> None:
        now = time.monotonic_ns()
        event = {
            "id": f"evt_{now}_{number}",
            "type": "invoice.paid",
            "at": "2026-01-01T00:00:00Z",
            "version": now,
            "invoice": {
                "id": f"inv_{number}_bench-{now:020}",
                "status": "paid",
                "customer_id": f"cus_{number % options.sockets:05}",
            },
        }
        answer = await http.send("POST", "/webhooks/erp", json=event, headers=headers)
        if answer.status != 204:
            sys.exit(f"watchers: a webhook was answered with {answer.status}")

    for number in range(count):
        await asyncio.sleep(begun + number / options.rate - loop.time())
        task = asyncio.create_task(send(number))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)
    return count


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    from processes import cpu, listeners, rss_mb  # of the bench folder

    headers = dict(header.split(": ", 1) for header in options.header)
    pids = listeners(urlsplit(options.url).port)
    delays_ms = collections.deque[float]()
    before_mb = rss_mb(pids)
    watching = await _watch(
        options, headers, lambda sent_at: delays_ms.append((time.monotonic_ns() - sent_at) / 1e6)
    )
    subscribed_mb = rss_mb(pids)
    http = HttpClient(options.url, timeout_s=30, max_connections=AT_ONCE)
    began, used = time.monotonic(), cpu(pids)
    sent = await _publish(options, headers, http)
    end = time.monotonic() + GRACE_S
    while len(delays_ms) < sent and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    took, used = time.monotonic() - began, cpu(pids) - used
    await http.aclose()
    delivered = max(len(delays_ms), 1)
    return {
        "target": f"{options.url}/graphql",
        "own": True,
        "subs": len(watching),
        "rate": options.rate,
        "deliveries_per_s": delivered / took,
        "p50_ms": statistics.median(delays_ms),
        "p99_ms": sorted(delays_ms)[int(len(delays_ms) * 0.99)],
        "cpu_s_per_100k": used / delivered * 1e5,
        "server_cpu": used / took,
        "kb_per_socket": (subscribed_mb - before_mb) * 1024 / len(watching),
        "rss_mb": rss_mb(pids),
        "missing": sent - len(delays_ms),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("sockets", type=int)
    parser.add_argument("rate", type=int)
    parser.add_argument("seconds", type=int)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    measured = uvloop.run(_measure(options))
    print(json.dumps(measured), flush=True)
    if options.out is not None:
        with options.out.open("a") as record:
            print(json.dumps(measured), file=record)
    return 0 if measured["missing"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
