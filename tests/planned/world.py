"""A small company in emulated systems, over real HTTP in the loop of the test, and both executors over it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from graphql import OperationType, parse

from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.world import World
from gateway.app import Parts
from gateway.compose import compose
from gateway.limits.caller import Caller
from gateway.sandbox import SandboxOptions, configuration, emulators, open_world
from gateway.serving import listen, url_of
from gateway.systems.breaker import CircuitBreaker
from gateway.transport.operation import Operations, Refusal
from resolvers.context import RequestContext
from resolvers.graph import build_graph
from resolvers.planned.execution import PlannedExecution
from resolvers.viewer import UNRESTRICTED, Viewer

CORRELATION = "differential-test"
QUERIES = frozenset({OperationType.QUERY})


@dataclass
class Company:
    """Both executors over one gateway's parts, and the systems' fronts by vendor."""

    world: World
    parts: Parts
    fronts: Mapping[str, Misbehaving]
    planned: PlannedExecution
    by_plan: Operations
    plainly: Operations

    async def ask(
        self,
        operations: Operations,
        query: str,
        variables: Mapping[str, Any],
        viewer: Viewer = UNRESTRICTED,
        extensions: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """An answer, as JSON gives it back; a refusal has ``refused`` in place of data."""
        parameters = {"query": query, "variables": dict(variables), "extensions": extensions}
        try:
            answer = await operations.answer(parameters, CORRELATION, viewer, Caller("test"), QUERIES)
        except Refusal as refusal:
            answer = {"refused": True, "errors": refusal.errors}
        return orjson.loads(orjson.dumps(answer))

    async def rounds(self, query: str, variables: Mapping[str, Any]) -> int:
        """How many rounds of loads a plan takes, one after the other; the answer must have no errors."""
        context = self.by_plan.make_context(CORRELATION, UNRESTRICTED)
        answer = await self.planned.answer(query, parse(query), None, dict(variables), context)
        assert answer is not None
        assert not answer.errors
        return answer.rounds

    def calls(self) -> dict[str, int]:
        """Calls of each system since the last ``clear``, tokens aside."""
        counts = {
            vendor: sum("/oauth2/" not in call["path"] for call in front.log.calls)
            for vendor, front in self.fronts.items()
        }
        return {vendor: count for vendor, count in counts.items() if count}

    def clear(self) -> None:
        for front in self.fronts.values():
            front.log.clear()

    def disarm(self) -> None:
        for front in self.fronts.values():
            front.disarm()


@contextlib.asynccontextmanager
async def company(folder: Path, *, seed: int = 11, customers: int = 24) -> AsyncGenerator[Company]:
    """The company, its systems serving, nothing happening in it by itself."""
    options = SandboxOptions(folder, seed=seed, customers=customers, pace_s=0)
    store = open_world(options)
    fronts = {each.vendor: each.serve(store) for each in emulators()}
    sockets = {vendor: listen("127.0.0.1", 0) for vendor in fronts}
    servers = {
        vendor: uvicorn.Server(
            uvicorn.Config(front, log_config=None, access_log=False, lifespan="off", ws="none")
        )
        for vendor, front in fronts.items()
    }
    serving = [asyncio.create_task(each.serve([sockets[vendor]])) for vendor, each in servers.items()]
    urls = {vendor: url_of("127.0.0.1", each) for vendor, each in sockets.items()}
    # A machine that is busy must not let a deadline pass in one of two executions.
    patient = {vendor: {"deadline_s": 60} for vendor in urls}
    parts = await compose(configuration(urls, options, patient))
    for connection in parts.systems.all():
        # Circuits would make an answer depend on those before it.
        connection.breaker = CircuitBreaker(threshold=10**9)
    try:
        yield assembled(parts, generate(seed=seed, customers=customers), fronts)
    finally:
        await parts.aclose()
        for server in servers.values():
            server.should_exit = True
        await asyncio.gather(*serving)
        store.close()


def assembled(
    parts: Parts, world: World | None = None, fronts: Mapping[str, Misbehaving] | None = None
) -> Company:
    """Both executors over the parts of a gateway."""

    def make_context(correlation_id: str, viewer: Viewer) -> RequestContext:
        return RequestContext(
            parts.systems,
            parts.ownership,
            parts.references,
            parts.commands,
            parts.events.events,
            correlation_id,
            viewer,
        )

    graph = build_graph()
    planned = PlannedExecution(graph, parts.systems, parts.ownership)
    return Company(
        world,
        parts,
        fronts,
        planned,
        Operations(graph, make_context, planned=planned),
        Operations(graph, make_context),
    )
