"""The quarter-end scenario: a pile of work for an ERP that is slow, refuses half, and is down for a while.

Each invoice gets several changes and is then posted. Meanwhile callers go on writing to the other
systems, and must not notice.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Any

from adapters.contracts.vocabulary import InvoiceStatus, SubscriptionStatus
from adapters.emulation.journal import Effect
from adapters.emulation.world import CustomerFact, InvoiceFact, SubscriptionFact
from gateway.commands.ids import vendor_key
from resolvers.ids import decode_command_id
from tests.scenarios.people import id_of
from tests.soak.company import Company, Tally, company, seeded, tally
from tests.soak.gateways import Gateway, gateways, until
from tests.soak.stores import StateSection

ERP = "netsuite"
CONCURRENCY = 15
SUBMITTING = 20
"""Clients that hand in work at once."""

ANSWERS_WHILE_DOWN = 3
"""Commitments to other systems that are answered before the ERP comes back."""

CALLER_DEADLINE_S = 1.0
WRITE_PATH = "/record/v1/invoice/"


@dataclass(frozen=True, slots=True)
class Scale:
    """commands: all for the ERP; per_second: what the ERP lets in; down_s: how long it answers nobody.

    changes: ``updateInvoice`` commands on each invoice, before its ``postInvoice``.
    quiet: commitments whose answers are timed before the work is handed in, and as many when it is done.
    every_s: pause between two commitments that are timed.
    """

    customers: int
    commands: int
    changes: int
    per_second: int
    down_s: float
    quiet: int
    every_s: float
    patience_s: float


FULL = Scale(
    customers=500,
    commands=4_000,
    changes=7,
    per_second=20,
    down_s=20,
    quiet=100,
    every_s=0.5,
    patience_s=1_500,
)
SCALED = Scale(
    customers=40, commands=60, changes=9, per_second=120, down_s=1, quiet=10, every_s=0.15, patience_s=120
)


@dataclass(frozen=True, slots=True)
class QuarterEnd:
    """What came of it.

    handed_in_s, worked_off_s: from the beginning to the last accepted, and to the last succeeded.
    heard:      requests that the ERP was sent; ``refused`` of them it answered 429 because of its limits.
    out_of_order: invoices whose effects are not in the order of their commands, or that end with the values
                of another than the last.
    quiet_ms, busy_ms: medians of a commitment to another system, before and after the ERP's work, and during
                       it.
    beside_ms: the same during it, at a gateway of its own that has no work for the ERP. What slows that one
               down is the machine.
    """

    store: str
    scale: Scale
    tally: Tally
    statuses: Mapping[str, int]
    handed_in_s: float
    worked_off_s: float
    heard: int
    writes: int
    out_of_order: int
    quiet_ms: float
    busy_ms: float
    beside_ms: float
    commitments: int

    @property
    def ratio(self) -> float:
        """To the quiet times."""
        return self.busy_ms / self.quiet_ms

    @property
    def ratio_beside(self) -> float:
        """To a gateway without work at the same time."""
        return self.busy_ms / self.beside_ms


async def run_quarter_end(
    folder: Path,
    kind: str,
    state: StateSection,
    scale: Scale,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> QuarterEnd:
    """Runs the scenario. What came of it is for the caller to judge."""
    source = seeded(folder, customers=scale.customers)
    with company(folder / "company", source) as systems:
        invoices = [each for each in source.world.invoices if each.status is InvoiceStatus.PAID]
        invoices = invoices[: scale.commands // (scale.changes + 1)]
        systems.hold_back(invoices)
        commands = {"caller_deadline_s": CALLER_DEADLINE_S}
        configs = [
            systems.config(folder / name, state=dict(state()), commands=commands)
            for name in ("gateway", "beside")
        ]
        async with gateways(folder / "gateways.log") as starter:
            gateway, beside = [await starter.start(config) for config in configs]
            customers, active = systems.world.customers, _active(systems)
            callers = (
                _Commitments(gateway, customers[::2], active[::2], scale.every_s),
                _Commitments(beside, customers[1::2], active[1::2], scale.every_s),
            )
            quiet = [await callers[0].once() for _ in range(scale.quiet)]
            systems.emulators.clear()
            result = await _under_load(gateway, systems, callers, invoices, scale, say)
            handed_in, handed_in_s, worked_off_s, busy, idle = result
            heard = systems.emulators.calls(ERP)
            quiet += [await callers[0].once() for _ in range(scale.quiet)]
            ended = [
                each
                for kind_of in ("updateInvoice", "postInvoice")
                for each in await gateway.commands(kind=kind_of)
            ]
            await beside.stop()
            await gateway.stop()
        done = systems.effects(ERP)
        return QuarterEnd(
            store=kind,
            scale=scale,
            tally=tally([each["id"] for each in ended], done),
            statuses=Counter(each["status"] for each in ended),
            handed_in_s=handed_in_s,
            worked_off_s=worked_off_s,
            heard=len(heard),
            writes=sum(1 for call in heard if WRITE_PATH in call["path"]),
            out_of_order=_out_of_order(systems, handed_in, done, scale.changes),
            quiet_ms=statistics.median(quiet) * 1000,
            busy_ms=statistics.median(busy) * 1000,
            beside_ms=statistics.median(idle) * 1000,
            commitments=len(busy),
        )


class _Commitments:
    """A caller who changes customers and subscriptions, and how long each answer takes, in seconds."""

    def __init__(
        self,
        gateway: Gateway,
        customers: Sequence[CustomerFact],
        subscriptions: Sequence[SubscriptionFact],
        pause_s: float,
    ) -> None:
        self._gateway = gateway
        self._customers = cycle(customers)
        self._subscriptions = cycle(subscriptions)
        self._numbers = count(1)
        self._pause_s = pause_s

    async def once(self) -> float:
        number = next(self._numbers)
        started = time.perf_counter()
        if number % 2:
            given = {"id": id_of(next(self._customers)), "phone": f"+1 555 {number:06d}"}
            payload = await self._gateway.mutate("updateCustomer", given, "customer { phone }")
        else:
            given = {"id": id_of(next(self._subscriptions)), "quantity": 1_000 + number}
            payload = await self._gateway.mutate("amendSubscription", given, "subscription { quantity }")
        elapsed_s = time.perf_counter() - started
        assert payload["userErrors"] == []
        await asyncio.sleep(self._pause_s)
        return elapsed_s


HandedIn = Mapping[str, Sequence[str]]
"""Invoice id -> its commands' keys at the vendor, in the order in which they were handed in."""


async def _under_load(
    gateway: Gateway,
    systems: Company,
    callers: tuple[_Commitments, _Commitments],
    invoices: Sequence[InvoiceFact],
    scale: Scale,
    say: Callable[[str], None],
) -> tuple[HandedIn, float, float, list[float], list[float]]:
    limit = {"per_second": scale.per_second, "concurrency": CONCURRENCY}
    systems.emulators.http.put(f"{systems.emulators.urls[ERP]}/_emulator/limits", json=limit)
    _refuse_half(systems)
    started = time.perf_counter()
    busy: list[float] = []
    beside: list[float] = []

    async def go_on() -> None:
        while True:
            for caller, times in zip(callers, (busy, beside), strict=True):
                times.append(await caller.once())

    calling = asyncio.create_task(go_on())
    falling = asyncio.create_task(_fall(systems, scale, say, lambda: len(busy)))
    handed_in: dict[str, list[str]] = defaultdict(list)
    waiting = iter(invoices)

    async def client() -> None:
        for invoice in waiting:
            for payload in [await gateway.mutate(*each) for each in _work(invoice, scale.changes)]:
                assert payload["userErrors"] == [], payload
                command_id = decode_command_id(payload["command"]["id"])
                handed_in[str(invoice.id)].append(vendor_key(command_id))

    await asyncio.gather(*(client() for _ in range(SUBMITTING)))
    handed_in_s = time.perf_counter() - started
    say(f"handed in after {handed_in_s:.0f} s")
    await falling
    last = time.perf_counter()
    while not await gateway.all_finished() and time.perf_counter() - started < scale.patience_s:
        if time.perf_counter() - last > 30:
            last = time.perf_counter()
            say(f"{len(systems.effects(ERP))} performed after {last - started:.0f} s")
        await asyncio.sleep(min(1.0, scale.every_s))
    worked_off_s = time.perf_counter() - started
    calling.cancel()
    await asyncio.wait({calling})
    if not calling.cancelled():
        calling.result()
    return handed_in, handed_in_s, worked_off_s, busy, beside


def _active(systems: Company) -> list[SubscriptionFact]:
    return [each for each in systems.world.subscriptions if each.status is SubscriptionStatus.ACTIVE]


def _work(invoice: InvoiceFact, changes: int) -> list[tuple[str, Mapping[str, Any]]]:
    updates = [
        ("updateInvoice", {"id": id_of(invoice), "memo": f"change {number} of {invoice.id}"})
        for number in range(1, changes + 1)
    ]
    return [*updates, ("postInvoice", {"id": id_of(invoice)})]


def _refuse_half(systems: Company) -> None:
    systems.emulators.arm(ERP, "throttle", 10**9, share=0.5)


async def _fall(
    systems: Company, scale: Scale, say: Callable[[str], None], answered: Callable[[], int]
) -> None:
    """The ERP goes down once it has begun to work, and comes back when callers of others had answers.

    AssertionError where they get none: then the ERP holds up who has nothing to do with it.
    """
    while len(systems.effects(ERP)) < scale.commands // 10:  # noqa: ASYNC110  another process tells
        await asyncio.sleep(min(1.0, scale.every_s))
    say("the ERP goes down")
    systems.emulators.http.delete(f"{systems.emulators.urls[ERP]}/_emulator/faults")
    systems.emulators.arm(ERP, "drop", 10**9)
    before = answered()
    await asyncio.sleep(scale.down_s)

    async def others_answer() -> bool:
        return answered() >= before + ANSWERS_WHILE_DOWN

    await until(others_answer, "commitments to other systems while the ERP is down", scale.patience_s)
    systems.emulators.http.delete(f"{systems.emulators.urls[ERP]}/_emulator/faults")
    _refuse_half(systems)
    say("the ERP is back")


def _out_of_order(systems: Company, handed_in: HandedIn, done: Sequence[Effect], changes: int) -> int:
    performed: dict[str, list[str | None]] = defaultdict(list)
    for effect in done:
        performed[effect.record_id].append(effect.key)
    with systems.emulators.tables() as store:
        memos = dict(store.execute("SELECT id, memo FROM netsuite_transaction").fetchall())
    return sum(
        1
        for invoice, keys in handed_in.items()
        if performed[invoice] != keys or memos[int(invoice)] != f"change {changes} of {invoice}"
    )
