"""A connection's deadline, retry, budget, circuit and health, over resources that do as they are told."""

from __future__ import annotations

import asyncio
import decimal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
    Unsupported,
)
from adapters.contracts.fields import Condition, Field, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.vocabulary import CircuitState, HealthStatus, RecordType, System
from gateway.systems.breaker import CircuitBreaker
from gateway.systems.connection import Connection
from gateway.systems.systems import ConnectedSystems
from resolvers.ports import Relation

pytestmark = pytest.mark.anyio

LINK = "customer_in_erp"
BY_LINK = Relation("erp", RecordType.INVOICE, LINK, (), None)
ROWS = [{"id": f"i{number}", LINK: f"c{number % 7}"} for number in range(50)]

Step = BaseException | Callable[[], Awaitable[None]] | None


class Invoices(Resource):
    """Fifty rows in memory. ``steps`` say how the next calls go: a fault, something to await, None."""

    type = RecordType.INVOICE
    caps = Caps(ids_per_call=4, rows_per_call=10, keys_per_call={LINK: 3})
    fields = FieldMap(
        "invoice",
        [
            Field("id", ("id",), lambda row: row["id"], filters={Op.IN: tuple}),
            Field(LINK, (LINK,), lambda row: row[LINK], filters={Op.IN: tuple}),
        ],
    )

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[PageRequest] = []
        self.at_once = 0
        self.most_at_once = 0

    async def page(self, request: PageRequest) -> Page:
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            step = self.steps.pop(0) if self.steps else None
            if isinstance(step, BaseException):
                raise step
            await (step() if step is not None else asyncio.sleep(0))
        finally:
            self.at_once -= 1
        rows = [
            row
            for row in ROWS
            if all(row[each.field] in self.fields.condition(each) for each in request.where)
        ]
        start = int(request.after or 0)
        end = start + min(request.first, self.caps.rows_per_call)
        positions = [str(place + 1) for place in range(start, min(end, len(rows)))]
        return Page(rows[start:end], positions, has_more=end < len(rows))


class Vendor(Adapter):
    def __init__(self, invoices: Invoices) -> None:
        self.resources = {RecordType.INVOICE: invoices}
        self.closed = False

    async def check(self) -> list[Finding]:
        return []

    async def aclose(self) -> None:
        self.closed = True

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        return f"https://erp.example.com/{record_type.value}/{record_id}"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def connected(
    invoices: Invoices,
    *,
    name: str = "erp",
    deadline_s: float = 5.0,
    max_concurrency: int = 20,
    breaker: CircuitBreaker | None = None,
) -> Connection:
    return Connection(
        name,
        System.ERP,
        "vendor",
        Vendor(invoices),
        deadline_s=deadline_s,
        max_concurrency=max_concurrency,
        breaker=breaker,
    )


async def read(connection: Connection, ids: Sequence[str] = ("i1",)) -> Mapping[str, Row]:
    systems = ConnectedSystems([connection])
    return await systems.read_many(connection.name, RecordType.INVOICE, ids, frozenset({"id"}))


async def forever() -> None:
    await asyncio.Event().wait()


# Chunks


async def test_ids_go_in_chunks_of_the_cap_at_the_same_time() -> None:
    invoices = Invoices()
    ids = [row["id"] for row in ROWS[:10]]
    found = await read(connected(invoices), [*ids, "unknown"])
    assert sorted(found) == sorted(ids)
    asked = [request.where[0].value for request in invoices.requests]
    assert asked == [tuple(ids[:4]), tuple(ids[4:8]), (*ids[8:], "unknown")]
    assert invoices.most_at_once == 3


async def test_keys_go_in_chunks_of_their_own_cap() -> None:
    invoices = Invoices()
    systems = ConnectedSystems([connected(invoices)])
    keys = [f"c{number}" for number in range(7)]
    found = await systems.related(BY_LINK, keys, frozenset(), 2)
    assert list(found) == keys
    assert [row["id"] for row in found["c3"].rows] == ["i3", "i10"]
    assert all(page.has_more and len(page.rows) == 2 for page in found.values())
    chunks = {request.where[0].value for request in invoices.requests}
    assert chunks == {("c0", "c1", "c2"), ("c3", "c4", "c5"), ("c6",)}


async def test_no_keys_take_no_call() -> None:
    invoices = Invoices()
    systems = ConnectedSystems([connected(invoices)])
    assert await read(connected(invoices), []) == {}
    assert await systems.related(BY_LINK, [], frozenset(), 2) == {}
    assert invoices.requests == []


async def test_a_page_is_one_call() -> None:
    invoices = Invoices()
    systems = ConnectedSystems([connected(invoices)])
    where = (Condition(LINK, Op.IN, ("c1",)),)
    page = await systems.page("erp", RecordType.INVOICE, frozenset({"id"}), where, None, 3, None)
    assert ([row["id"] for row in page.rows], page.has_more) == (["i1", "i8", "i15"], True)
    rest = await systems.page(
        "erp", RecordType.INVOICE, frozenset({"id"}), where, None, 9, page.positions[-1]
    )
    assert ([row["id"] for row in rest.rows][:2], rest.has_more) == (["i22", "i29"], False)
    assert len(invoices.requests) == 2


async def test_the_fault_of_one_chunk_is_the_loads() -> None:
    with pytest.raises(Rejected) as caught:
        await read(connected(Invoices(None, Rejected("no"))), [f"i{number}" for number in range(8)])
    assert caught.value.system is System.ERP


# Retry


@pytest.mark.parametrize("fault", [Unreachable("refused"), OutcomeUnknown("dropped")])
async def test_a_read_is_tried_again_once(fault: SystemFault) -> None:
    invoices = Invoices(fault)
    connection = connected(invoices)
    assert list(await read(connection)) == ["i1"]
    assert len(invoices.requests) == 2
    assert connection.status is HealthStatus.UP
    invoices.steps = [fault, fault]
    with pytest.raises(type(fault)):
        await read(connection)
    assert len(invoices.requests) == 4


@pytest.mark.parametrize(
    "fault",
    [
        Rejected("no"),
        NotFound("none"),
        Conflict("changed"),
        Unauthorised("who"),
        Unsupported("cannot"),
        Malformed("what"),
        Throttled("slower"),
        Throttled("slower", retry_after_s=60),
        OutcomeUnknown("late", timed_out=True),
    ],
)
async def test_what_would_fail_again_is_not_tried_again(fault: SystemFault) -> None:
    invoices = Invoices(fault)
    with pytest.raises(type(fault)) as caught:
        await read(connected(invoices))
    assert caught.value is fault
    assert fault.system is System.ERP
    assert len(invoices.requests) == 1


async def test_retry_after_is_waited_for_where_the_deadline_allows() -> None:
    invoices = Invoices(Throttled("slower", retry_after_s=0.2))
    began = time.perf_counter()
    assert list(await read(connected(invoices, deadline_s=5))) == ["i1"]
    assert time.perf_counter() - began >= 0.2
    assert len(invoices.requests) == 2


async def test_a_throttled_connection_is_degraded_for_as_long_as_told() -> None:
    connection = connected(Invoices(Throttled("slower", retry_after_s=60)))
    before = datetime.now(UTC)
    with pytest.raises(Throttled):
        await read(connection)
    (health,) = ConnectedSystems([connection]).health()
    assert health.status is HealthStatus.DEGRADED
    assert health.circuit is CircuitState.CLOSED
    assert health.throttled_until is not None
    assert 59 < (health.throttled_until - before).total_seconds() < 62
    connection.throttled_until = before
    (health,) = ConnectedSystems([connection]).health()
    assert (health.status, health.throttled_until) == (HealthStatus.UP, None)


async def test_a_connection_is_as_its_last_read_left_it_and_is_not_asked_how_it_is() -> None:
    refused = Unreachable("refused")
    invoices = Invoices(refused, refused)
    connection = connected(invoices)
    with pytest.raises(Unreachable):
        await read(connection)
    for _ in range(3):
        (health,) = ConnectedSystems([connection]).health()
        assert health.status is HealthStatus.DEGRADED
    assert len(invoices.requests) == 2
    assert list(await read(connection)) == ["i1"]
    assert connection.status is HealthStatus.UP


# Deadline and budget


async def test_the_deadline_bounds_a_load() -> None:
    connection = connected(Invoices(forever), deadline_s=0.05)
    began = time.perf_counter()
    with pytest.raises(OutcomeUnknown) as caught:
        await read(connection)
    assert time.perf_counter() - began < 2
    assert caught.value.timed_out
    assert caught.value.system is System.ERP
    assert "0.05 s" in caught.value.message
    assert connection.status is HealthStatus.DEGRADED


async def test_the_deadline_counts_the_retry_in() -> None:
    invoices = Invoices(Unreachable("refused"), forever)
    with pytest.raises(OutcomeUnknown) as caught:
        await read(connected(invoices, deadline_s=0.05))
    assert caught.value.timed_out
    assert len(invoices.requests) == 2


async def test_the_budget_bounds_what_is_under_way() -> None:
    invoices = Invoices()
    found = await read(connected(invoices, max_concurrency=2), [row["id"] for row in ROWS])
    assert len(found) == 50
    assert len(invoices.requests) == 13
    assert invoices.most_at_once == 2


async def test_a_wait_in_our_own_queue_is_not_the_systems_fault() -> None:
    breaker = CircuitBreaker(threshold=2)
    connection = connected(Invoices(forever), deadline_s=0.05, max_concurrency=1, breaker=breaker)
    asked, queued = await asyncio.gather(read(connection), read(connection), return_exceptions=True)
    assert isinstance(asked, OutcomeUnknown)
    assert isinstance(queued, Throttled)
    assert queued.system is System.ERP
    assert "busy" in queued.message
    assert breaker.state is CircuitState.CLOSED
    assert list(await read(connection)) == ["i1"]
    assert connection.error_rate == 0.5


# Circuit


async def test_refusals_of_an_open_circuit_do_not_keep_it_open() -> None:
    clock = Clock()
    invoices = Invoices(*[Malformed("what")] * 2)
    breaker = CircuitBreaker(threshold=2, cool_down_s=5, clock=clock)
    connection = connected(invoices, breaker=breaker)
    for _ in range(2):
        with pytest.raises(Malformed):
            await read(connection)
    assert (breaker.state, connection.status) == (CircuitState.OPEN, HealthStatus.DOWN)
    for _ in range(8):
        clock.now += 1
        if breaker.state is not CircuitState.OPEN:
            break
        with pytest.raises(Unreachable) as caught:
            await read(connection)
        assert caught.value.system is System.ERP
    assert clock.now == 1005
    assert len(invoices.requests) == 2
    assert list(await read(connection)) == ["i1"]
    assert (breaker.state, connection.status) == (CircuitState.CLOSED, HealthStatus.UP)


async def test_only_what_tells_of_health_opens_the_circuit() -> None:
    faults: list[SystemFault] = [
        Rejected("a"),
        NotFound("b"),
        Conflict("c"),
        Unsupported("d"),
        Throttled("e"),
    ]
    breaker = CircuitBreaker(threshold=1)
    connection = connected(Invoices(*faults), breaker=breaker)
    for fault in faults:
        with pytest.raises(type(fault)):
            await read(connection)
    assert breaker.state is CircuitState.CLOSED
    assert connection.error_rate == 0


async def test_what_was_never_asked_does_not_close_the_circuit() -> None:
    clock = Clock()
    breaker = CircuitBreaker(threshold=1, cool_down_s=5, clock=clock)
    connection = connected(Invoices(Malformed("what"), Unsupported("cannot")), breaker=breaker)
    with pytest.raises(Malformed):
        await read(connection)
    clock.now += 6
    with pytest.raises(Unsupported):
        await read(connection)
    assert breaker.state is CircuitState.HALF_OPEN
    await read(connection)
    assert breaker.state is CircuitState.CLOSED


async def test_a_caller_that_goes_leaves_the_circuit_as_it_was() -> None:
    clock = Clock()
    breaker = CircuitBreaker(threshold=1, cool_down_s=5, clock=clock)
    asked = asyncio.Event()

    async def never_answer() -> None:
        asked.set()
        await forever()

    connection = connected(Invoices(Malformed("what"), never_answer), breaker=breaker)
    with pytest.raises(Malformed):
        await read(connection)
    clock.now += 6
    gone = asyncio.create_task(read(connection))
    await asked.wait()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert breaker.state is CircuitState.HALF_OPEN
    assert list(await read(connection)) == ["i1"]


# What nobody foresaw


@pytest.mark.parametrize(
    "error",
    [
        KeyError("jane@example.com"),
        IndexError("jane@example.com"),
        TypeError("jane@example.com"),
        ValueError("jane@example.com"),
        AttributeError("jane@example.com"),
        decimal.InvalidOperation("jane@example.com"),
        RecursionError("jane@example.com"),
        ZeroDivisionError("jane@example.com"),
        RuntimeError("jane@example.com"),
    ],
)
async def test_what_an_adapter_did_not_foresee_is_malformed(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    invoices = Invoices(error)
    connection = connected(invoices)
    with pytest.raises(Malformed) as caught:
        await read(connection)
    assert caught.value.message == f"the answer was not understood ({type(error).__name__})"
    assert len(invoices.requests) == 1
    assert connection.status is HealthStatus.DEGRADED
    logged = "".join(capsys.readouterr())
    assert "jane@example.com" not in logged


async def test_a_timeout_of_the_adapters_own_is_a_timeout() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        await read(connected(Invoices(TimeoutError())))
    assert caught.value.timed_out


# Health


async def test_health_before_and_after_calls() -> None:
    connection = connected(Invoices())
    (health,) = ConnectedSystems([connection]).health()
    assert (health.latency_ms, health.error_rate, health.status) == (None, None, HealthStatus.UP)
    await read(connection)
    await read(connection)
    invoices: Any = connection.adapter.resources[RecordType.INVOICE]
    invoices.steps = [Malformed("what")]
    with pytest.raises(Malformed):
        await read(connection)
    (health,) = ConnectedSystems([connection]).health()
    assert health.error_rate == pytest.approx(1 / 3, abs=0.001)
    assert health.latency_ms is not None
    assert 0 <= health.latency_ms < 1000
    assert (health.system, health.connection, health.adapter) == (System.ERP, "erp", "vendor")
    assert (health.status, health.circuit) == (HealthStatus.DEGRADED, CircuitState.CLOSED)


# The set of connections


async def test_connections_by_role_in_the_order_of_configuration() -> None:
    first, second = connected(Invoices(), name="erp-us"), connected(Invoices(), name="erp-emea")
    systems = ConnectedSystems([first, second])
    assert list(systems.connections(System.ERP, RecordType.INVOICE)) == ["erp-us", "erp-emea"]
    assert list(systems.connections(System.ERP, RecordType.PAYMENT)) == []
    assert list(systems.connections(System.CRM, RecordType.INVOICE)) == []
    assert (systems.system_of("erp-emea"), systems.system_of("nope")) == (System.ERP, None)
    assert (systems.adapter_of(System.ERP), systems.adapter_of(System.TAX)) == ("vendor", None)
    assert systems.record_url("erp-us", RecordType.INVOICE, "i1") == "https://erp.example.com/Invoice/i1"
    with pytest.raises(KeyError):
        systems.resource("erp-us", RecordType.PAYMENT)
    await systems.aclose()
    assert all(connection.adapter.closed for connection in (first, second))  # type: ignore[attr-defined]


async def test_waiting_for_news_vouches_for_nothing() -> None:
    async def gone() -> None:
        raise Unreachable("gone")

    async def nothing_new() -> None: ...

    connection = connected(Invoices())
    with pytest.raises(Unreachable):
        await connection.once(gone)
    await connection.once(nothing_new, vouches=False)
    assert connection.error_rate == 1
    assert connection.latency_ms is None
    assert connection.status is not HealthStatus.UP
