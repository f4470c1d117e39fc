"""What a request makes is gone when it is answered, without the collector of cycles, which runs seldom."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import OperationType

from gateway.limits.caller import Caller
from gateway.transport.exchange import Exchange
from gateway.transport.operation import Operations
from resolvers.budget import AnswerBudget
from resolvers.graph import build_graph
from resolvers.viewer import UNRESTRICTED
from tests.gateway.test_exchange import echo, post, served, until_done

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _no_context(*_: object) -> Any:
    return None


def left(kind: type) -> int:
    return sum(isinstance(each, kind) for each in gc.get_objects())


async def test_exchanges():
    protocol, _ = await served(echo)
    for number in range(5):
        protocol.data_received(post(b"%d" % number))
        await until_done(protocol)
    # The connection has its last one.
    assert left(Exchange) == 1


async def test_budgets_of_operations():
    operations = Operations(build_graph(), _no_context)
    allowed = frozenset({OperationType.QUERY})
    for _ in range(5):
        asked = operations.answer({"query": "{ __typename }"}, "id", UNRESTRICTED, Caller("test"), allowed)
        answer = await asyncio.create_task(asked)
        assert answer == {"data": {"__typename": "Query"}}
    # The loop still has the last task in its hands.
    await asyncio.sleep(0)
    assert left(AnswerBudget) == 0
