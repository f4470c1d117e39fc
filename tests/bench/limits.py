"""What limits add to a small query, in microseconds: ``make bench ARGS="--parts limits"``.

Each line is the median of several rounds of the real code on this machine: no network, no system.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable

from graphql import parse

from gateway.limits.caller import UnderWay
from gateway.limits.documents import Documents
from gateway.limits.measure import Costs, measure
from gateway.limits.rate import Rate
from gateway.limits.settings import LimitSettings, RateSettings
from gateway.systems.deadline import Deadline, Deadlines
from gateway.transport.origins import Origins
from resolvers.budget import AnswerBudget
from resolvers.graph import build_graph
from tests.bench import access
from tests.bench.access import Cost

ROUNDS = 15
SMALL = "query ($id: ID!) { customer(id: $id) { id name email status segment } }"
LISTS = """query ($n: Int!) { customers(first: $n) { nodes { id subscriptions(first: $n) { nodes { id
  invoices(first: $n) { nodes { id payments(first: $n) { nodes { id } } } } } } } } }"""
ALL = "all limits together, for a small query that was sent lately"
NEW = "counting a document that is new (parsing and validating it is dearer)"


async def measured(times: int) -> list[Cost]:
    """All lines, after the whole of a small query. ``times`` is how often each is done in a round."""
    whole = (await access.measure(max(20, times // 10)))[0]
    schema = build_graph()._schema
    limits = LimitSettings(rate=RateSettings(points=10**12))
    documents, rate, under_way = Documents(schema, limits), Rate(limits.rate), UnderWay(limits)
    costs, origins = Costs(schema), Origins()
    headers = [(b"host", b"api.example.com"), (b"accept", b"*/*"), (b"user-agent", b"bench")]
    parsed = parse(SMALL)
    deadlines = Deadlines(limits.execution_s)

    async def known() -> None:
        documents.cost(documents.prepare(SMALL), None, {"id": "x"})

    async def lists() -> None:
        documents.cost(documents.prepare(LISTS), None, {"n": 5})

    async def spend() -> None:
        rate.check("bench")
        await rate.spend("bench", 1)

    async def run() -> None:
        under_way.begin_operation("bench")
        deadline = Deadline(deadlines)
        AnswerBudget(limits.objects, RuntimeError, deadline.end)  # type: ignore[arg-type]
        with deadline:
            pass
        under_way.end_operation("bench")

    async def gate() -> None:
        origins.admits({"headers": headers})

    async def together() -> None:
        await gate()
        await spend()
        await known()
        await run()

    async def new() -> None:
        measure(parsed, costs)

    lines: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        (ALL, together),
        ("a document that was sent lately, and its points", known),
        ("the same, with four lists whose sizes are variables", lists),
        ("the rate of points", spend),
        ("operations under way, time and objects", run),
        ("the origin of a page", gate),
        (NEW, new),
    ]
    return [whole, *[Cost(what, await _median(act, times)) for what, act in lines]]


async def _median(act: Callable[[], Awaitable[None]], times: int) -> float:
    await act()
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            await act()
        found.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(found)
