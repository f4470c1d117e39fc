"""Real gateways in processes of their own, started within moments and ended as by a power cut."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.commands.boundaries import Boundary
from gateway.commands.states import FINISHED, STATES

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
LOOK_AGAIN_S = 0.05
UNFINISHED = [status.value for status in STATES if status not in FINISHED]

_COMMAND = "command { id idempotencyKey status } userErrors { code message }"
_INPUTS = {"postInvoice": "InvoiceActionInput"}


@dataclass
class Gateway:
    """A running gateway. ``ended`` gives minus the signal that ended it."""

    pid: int
    url: str
    http: httpx.AsyncClient
    ended: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def kill_at(self, boundary: Boundary, nth: int) -> None:
        """It kills itself there."""
        asked = {"boundary": boundary.value, "nth": nth}
        (await self.http.post(f"{self.url}/_soak/kill", json=asked)).raise_for_status()

    async def kill(self) -> None:
        """SIGKILL, now."""
        os.kill(self.pid, signal.SIGKILL)
        await self.ended

    async def stop(self) -> None:
        """SIGTERM, as an operator does."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGTERM)
        assert await asyncio.wait_for(self.ended, 60) == 0, "the gateway did not end cleanly"

    async def data(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer. Raises ``httpx.TransportError`` where the gateway died over it."""
        body = {"query": document, "variables": variables or {}}
        answer = (await self.http.post(f"{self.url}/graphql", json=body)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def mutate(self, name: str, given: Mapping[str, Any], fields: str = "") -> dict[str, Any]:
        """The payload of a mutation."""
        kind = _INPUTS.get(name, f"{name[0].upper()}{name[1:]}Input")
        document = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {fields} {_COMMAND} }} }}"
        return (await self.data(document, {"input": given}))[name]

    async def commands(self, **where: Any) -> list[dict[str, Any]]:
        """Every command, newest first."""
        document = (
            "query ($after: String, $filter: CommandFilter) { commands(first: 100, after: $after, "
            "filter: $filter) { nodes { id idempotencyKey status attempts { outcome error } } "
            "pageInfo { hasNextPage endCursor } } }"
        )
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = (await self.data(document, {"after": after, "filter": where or None}))["commands"]
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    async def all_finished(self) -> bool:
        """Whether no command has anything before it."""
        document = "query ($filter: CommandFilter) { commands(first: 1, filter: $filter) { nodes { id } } }"
        return not (await self.data(document, {"filter": {"status": UNFINISHED}}))["commands"]["nodes"]


class Gateways:
    """Starts gateways; those that are left are ended with it."""

    def __init__(self, process: Process, http: httpx.AsyncClient) -> None:
        self._process = process
        self._http = http
        self._tags = itertools.count()
        self._starting: dict[int, asyncio.Future[Gateway]] = {}
        self._running: dict[int, Gateway] = {}
        self._hearing = asyncio.create_task(self._hear())

    async def start(self, config: Path) -> Gateway:
        tag = next(self._tags)
        started = self._starting[tag] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"start": tag, "config": str(config)}).encode() + b"\n")
        return await asyncio.wait_for(started, START_S)

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "tag" in said:
                gateway = self._running[said["pid"]] = Gateway(said["pid"], said["url"], self._http)
                self._starting.pop(said["tag"]).set_result(gateway)
            elif (gone := self._running.pop(said["ended"], None)) is not None:
                gone.ended.set_result(said["status"])
        for waiting in self._starting.values():
            waiting.set_exception(RuntimeError("the driver ended"))

    async def aclose(self) -> None:
        for gateway in list(self._running.values()):
            await gateway.kill()
        self._hearing.cancel()


@contextlib.asynccontextmanager
async def gateways(log: Path) -> AsyncIterator[Gateways]:
    """What starts gateways; their log goes to a file."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.driver"), cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=errors
        )
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    try:
        async with httpx.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
            all_of_them = Gateways(process, http)
            try:
                yield all_of_them
            finally:
                await all_of_them.aclose()
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, within_s: float, every_s: float = LOOK_AGAIN_S
) -> None:
    """Looks until something that happens in another process has happened. AssertionError where it has not."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not await condition():
        assert loop.time() < end, f"not within {within_s:g} s: {what}"
        # There is nothing to wait on in another process.
        await asyncio.sleep(every_s)
