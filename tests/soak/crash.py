"""The crash suite: a gateway is killed at every boundary of a command, and nothing is lost or done twice.

For each mutation a lane of its own: one gateway after the other on the same database. Each of them settles
what the one before left behind, and is then killed itself: over a few commands on different objects, when
the n-th of them reaches a boundary. Then the next one is started, and its client repeats every key.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx

from adapters.contracts.convert import money_from_minor
from adapters.contracts.vocabulary import InvoiceStatus, PaymentMethodKind, PaymentStatus, SubscriptionStatus
from adapters.emulation.world import World
from gateway.commands.boundaries import Boundary
from tests.scenarios.people import id_of
from tests.soak.company import Company, Tally, company, seeded, tally
from tests.soak.gateways import Gateway, Gateways, gateways, until
from tests.soak.stores import StateSection

LEASE_S = 1
PATIENCE_S = 60

Inputs = Iterator[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Instant:
    """When the gateway dies.

    boundary: where it kills itself; None where it is killed from outside, while the system has done the work
              and holds its answer back.
    settling: whether the system's answers are lost first, so that the commands have to be settled.
    """

    name: str
    boundary: Boundary | None
    settling: bool = False


INSTANTS = (
    Instant("before accept", Boundary.BEFORE_ACCEPT),
    Instant("after accept", Boundary.AFTER_ACCEPT),
    Instant("before send", Boundary.BEFORE_SEND),
    Instant("after commit at the vendor, before its answer", None),
    Instant("after answer, before record", Boundary.AFTER_ANSWER),
    Instant("before settle", Boundary.BEFORE_SETTLE, settling=True),
    Instant("after settle, before record", Boundary.AFTER_SETTLE, settling=True),
    Instant("after record", Boundary.AFTER_RECORD),
)


def _customers(world: World) -> Inputs:
    numbers = itertools.count(1)
    for customer in itertools.cycle(world.customers):
        yield {"id": id_of(customer), "phone": f"+1 555 {next(numbers):06d}"}


def _subscriptions(world: World) -> Inputs:
    active = [each for each in world.subscriptions if each.status is SubscriptionStatus.ACTIVE]
    quantities = itertools.count(1_000)
    for subscription in itertools.cycle(active):
        yield {"id": id_of(subscription), "quantity": next(quantities)}


def _open_invoices(world: World) -> Inputs:
    numbers = itertools.count(1)
    unpaid = [each for each in world.invoices if each.status is InvoiceStatus.OPEN]
    for invoice in itertools.cycle(unpaid):
        yield {"id": id_of(invoice), "memo": f"change {next(numbers)}"}


def held_back(world: World) -> list[Any]:
    """Invoices that are there to be posted; the suite makes them wait for approval."""
    return [each for each in world.invoices if each.status is InvoiceStatus.PAID]


def _pending_invoices(world: World) -> Inputs:
    for invoice in held_back(world):
        yield {"id": id_of(invoice)}


def _due_invoices(world: World) -> Inputs:
    collectable = [
        each
        for each in world.invoices
        if each.status is InvoiceStatus.OVERDUE
        and each.customer.payments_id
        and each.customer.payment_method
        # A bank transfer, for one, cannot be taken: the customer has to send it.
        and each.customer.payment_method.kind is PaymentMethodKind.CARD
        and not each.customer.delinquent
    ]
    for invoice in itertools.cycle(collectable):
        yield {"invoiceId": id_of(invoice)}


def _payments(world: World) -> Inputs:
    for payment in world.payments:
        if payment.status is PaymentStatus.SUCCEEDED:
            # The smallest coin of a payment, of another one each time.
            amount = money_from_minor(1, payment.invoice.customer.currency)
            yield {
                "id": id_of(payment),
                "amount": {"amount": str(amount.amount), "currency": amount.currency},
            }


@dataclass(frozen=True, slots=True)
class Subject:
    """A mutation under test: its inputs, and the request by which its vendor is written."""

    mutation: str
    system: str
    vendor: str
    inputs: Callable[[World], Inputs]
    method: str
    path: str


SUBJECTS = (
    Subject("updateCustomer", "CRM", "salesforce", _customers, "PATCH", "/sobjects/Account/"),
    Subject("amendSubscription", "SUBSCRIPTIONS", "chargebee", _subscriptions, "POST", "/update_for_items"),
    Subject("updateInvoice", "ERP", "netsuite", _open_invoices, "PATCH", "/record/v1/invoice/"),
    Subject("postInvoice", "ERP", "netsuite", _pending_invoices, "PATCH", "/record/v1/invoice/"),
    Subject("collectPayment", "PAYMENTS", "stripe", _due_invoices, "POST", "/v1/payment_intents"),
    Subject("refundPayment", "PAYMENTS", "stripe", _payments, "POST", "/v1/refunds"),
)

EVERYTHING: Mapping[Subject, Sequence[Instant]] = dict.fromkeys(SUBJECTS, INSTANTS)


@dataclass(frozen=True, slots=True)
class Case:
    """What came of killing gateways at one instant of one mutation, on one kind of store.

    kills:      how many gateways died there.
    unaccepted: commands that the death kept from being accepted; they had no effect until they were asked
                for again.
    unsettled:  commands that did not come to SUCCEEDED.
    """

    store: str
    subject: Subject
    instant: Instant
    kills: int
    unaccepted: int
    unsettled: int
    tally: Tally

    @property
    def well(self) -> bool:
        return self.tally.well and not self.unsettled


class _Lane:
    """One mutation on one database."""

    def __init__(
        self, subject: Subject, company: Company, starter: Gateways, config: Path, burst: int, random: Random
    ) -> None:
        self._subject = subject
        self._company = company
        self._starter = starter
        self._config = config
        self._burst = burst
        self._random = random
        self._inputs = subject.inputs(company.world)
        self._keys = itertools.count(1)
        self._gateway: Gateway | None = None

    async def case(self, store: str, instant: Instant, kills: int) -> Case:
        accepted: list[str] = []
        unaccepted = unsettled = 0
        before = len(self._company.effects())
        for _ in range(kills):
            ids, refused, failed = await self._kill(instant)
            accepted += ids
            unaccepted += refused
            unsettled += failed
        # What a death left behind is settled before the next one, so these effects are this case's own.
        counted = tally(accepted, self._company.effects()[before:])
        return Case(store, self._subject, instant, kills, unaccepted, unsettled, counted)

    async def close(self) -> None:
        if self._gateway is not None:
            await self._gateway.stop()

    async def _kill(self, instant: Instant) -> tuple[list[str], int, int]:
        """One death and the recovery from it.

        Gives the ids of all commands, how many had to be asked for again, and how many did not succeed.
        """
        asked = {
            f"{self._subject.mutation}-{next(self._keys)}": next(self._inputs) for _ in range(self._burst)
        }
        told = await self._until_death(instant, asked)
        gateway = self._gateway = await self._starter.start(self._config)
        kept = {
            each["idempotencyKey"]: each["id"]
            for each in await gateway.commands(kind=self._subject.mutation)
            if each["idempotencyKey"] in asked
        }
        for key, command_id in told.items():
            assert kept.get(key) == command_id, f"{key} was answered, and is not kept"
        await until(gateway.all_finished, f"{self._subject.mutation}, killed {instant.name}", PATIENCE_S)
        unaccepted = len(asked) - len(kept)
        for key, command_id in (await self._ask(gateway, asked)).items():
            assert kept.setdefault(key, command_id) == command_id, f"{key} has become another command"
        await until(gateway.all_finished, f"{self._subject.mutation}, asked again", PATIENCE_S)
        ended = await gateway.commands(kind=self._subject.mutation)
        failed = [each for each in ended if each["idempotencyKey"] in asked and each["status"] != "SUCCEEDED"]
        return list(kept.values()), unaccepted, len(failed)

    async def _until_death(self, instant: Instant, asked: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """What the client was told before its gateway died: its keys, and the commands they became."""
        gateway = self._gateway or await self._starter.start(self._config)
        if instant.boundary is None:
            self._misbehave("hold", seconds=PATIENCE_S)
            seen = self._heard()
            asking = asyncio.create_task(self._ask(gateway, asked))

            async def all_done() -> bool:
                return self._heard() - seen >= len(asked)

            await until(all_done, f"{self._subject.mutation} at the vendor", PATIENCE_S)
            await gateway.kill()
            return await asking
        if instant.settling:
            self._misbehave("drop_after")
        await gateway.kill_at(instant.boundary, self._random.randint(1, len(asked)))
        told = await self._ask(gateway, asked)
        status = await asyncio.wait_for(gateway.ended, PATIENCE_S)
        assert status == -9, f"the gateway ended by itself, with {status}"
        return told

    async def _ask(self, gateway: Gateway, asked: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Asks for all at once; leaves out those whose answer was lost."""

        async def one(key: str, given: Mapping[str, Any]) -> tuple[str, str] | None:
            try:
                payload = await gateway.mutate(self._subject.mutation, {**given, "idempotencyKey": key})
            except httpx.TransportError:
                return None
            assert payload["userErrors"] == [], payload
            return key, payload["command"]["id"]

        answers = await asyncio.gather(*(one(key, given) for key, given in asked.items()))
        return dict(answer for answer in answers if answer is not None)

    def _misbehave(self, kind: str, **fault: Any) -> None:
        subject = self._subject
        self._company.emulators.arm(
            subject.vendor, kind, self._burst, method=subject.method, path=subject.path, **fault
        )

    def _heard(self) -> int:
        return len(self._company.effects(self._subject.vendor))


async def run_crash_suite(
    folder: Path,
    kind: str,
    state: StateSection,
    *,
    kills: int,
    burst: int,
    plan: Mapping[Subject, Sequence[Instant]] = EVERYTHING,
    say: Callable[[str], None] = lambda _: None,
) -> list[Case]:
    """Subjects, each at its instants, on one kind of store. What came of it is for the caller to judge.

    burst: commands that are under way at each death; kills: deaths at each instant.
    """

    async def lane(subject: Subject) -> list[Case]:
        own = folder / subject.mutation
        # One emulated company for each lane: what misbehaves for one must not do so for another.
        with company(own / "company", source) as systems:
            systems.hold_back(held_back(systems.world))
            commands = {"lease_s": LEASE_S}
            config = systems.config(own / "gateway", commands=commands, state=dict(state()))
            runner = _Lane(subject, systems, starter, config, burst, Random(subject.mutation))
            cases: list[Case] = []
            try:
                for instant in plan[subject]:
                    cases.append(await runner.case(kind, instant, kills))
                    say(f"{kind}: {subject.mutation}, {instant.name}: {cases[-1].tally}")
            finally:
                await runner.close()
            return cases

    source = seeded(folder, customers=40)
    async with gateways(folder / "gateways.log") as starter:
        lanes = await asyncio.gather(*(lane(subject) for subject in plan))
    return [case for cases in lanes for case in cases]
