"""What Stripe's writer is to do at the emulator. Records to write on are made there first, by plain HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import httpx

from adapters.contracts.values import Money
from adapters.contracts.vocabulary import PaymentMethodKind, PaymentStatus
from adapters.contracts.writes import Verb, Write
from adapters.emulation.world import CustomerFact, World
from adapters.stripe.emulator.app import API_KEY
from tests.contract.harness import WriteCase

CENTS = 12_50


class Account:
    """The emulator as somebody else uses it."""

    def __init__(self, base_url: str, world: World) -> None:
        self._http = httpx.Client(base_url=base_url, auth=(API_KEY, ""), trust_env=False)
        self.paying = card_payer(world, delinquent=False)
        self.refused = card_payer(world, delinquent=True)

    def payment(self, customer: CustomerFact, **form: str) -> str:
        """A payment intent of 12.50 that is charged at once, unless told otherwise."""
        methods = self._http.get(f"/v1/customers/{customer.payments_id}/payment_methods").json()["data"]
        charged = {"confirm": "true", "off_session": "true", "payment_method": methods[0]["id"]}
        answer = self._http.post(
            "/v1/payment_intents",
            data={
                "amount": str(CENTS),
                "currency": customer.currency.lower(),
                "customer": str(customer.payments_id),
                **(form or charged),
            },
            headers={"idempotency-key": secrets.token_hex(8)},
        )
        body = answer.json()
        return str(body["error"]["payment_intent"]["id"] if answer.status_code == 402 else body["id"])


def card_payer(world: World, *, delinquent: bool) -> CustomerFact:
    return next(
        fact
        for fact in world.customers
        if fact.payments_id is not None
        and fact.payment_method is not None
        and fact.payment_method.kind is PaymentMethodKind.CARD
        and fact.currency in ("USD", "EUR")
        and fact.delinquent is delinquent
    )


def stripe_writes(base_url: str, world: World) -> list[WriteCase]:
    account = Account(base_url, world)
    good, bad = account.paying, account.refused

    def collect(customer: CustomerFact, amount: str = "12.50") -> Callable[[str], Write]:
        def write(key: str) -> Write:
            invoice = str(secrets.randbelow(10**9))
            changes = {
                "amount": Money(Decimal(amount), customer.currency),
                "customer_in_payments": customer.payments_id,
                "customer_in_crm": customer.crm_id,
                "invoice_in_erp": invoice,
            }
            return Write(Verb.COLLECT_PAYMENT, invoice, key, changes)

        return write

    def collected(customer: CustomerFact, status: PaymentStatus) -> Callable[[Write], Mapping[str, Any]]:
        return lambda write: {
            "status": status,
            "amount": Money(Decimal("12.50"), customer.currency),
            "customer_in_payments": customer.payments_id,
            "customer_in_crm": customer.crm_id,
            "invoice_in_erp": write.record_id,
        }

    def retry(payment: Callable[[], str]) -> Callable[[str], Write]:
        return lambda key: Write(Verb.RETRY_PAYMENT, payment(), key)

    def refund(payment: Callable[[], str], amount: str | None) -> Callable[[str], Write]:
        changes = {} if amount is None else {"amount": Money(Decimal(amount), good.currency)}
        return lambda key: Write(
            Verb.REFUND_PAYMENT, payment(), key, changes, {"reason": "Cancelled within the notice period"}
        )

    def refunded(status: PaymentStatus, amount: str) -> Callable[[Write], Mapping[str, Any]]:
        return lambda write: {"status": status, "amount_refunded": Money(Decimal(amount), good.currency)}

    def paid() -> str:
        return account.payment(good)

    def declined() -> str:
        return account.payment(bad)

    def waiting() -> str:
        """Not charged yet: it waits for a payment method."""
        return account.payment(good, description="later")

    return [
        WriteCase(
            "collect",
            collect(good),
            collected(good, PaymentStatus.SUCCEEDED),
            refused=collect(good, "0.01"),
            path="/v1/payment_intents",
        ),
        WriteCase(
            "collect, declined",
            collect(bad),
            collected(bad, PaymentStatus.FAILED),
            refused=collect(good, "1.001"),
            path="/v1/payment_intents",
        ),
        WriteCase(
            "retry",
            retry(waiting),
            lambda write: {"status": PaymentStatus.SUCCEEDED},
            wrong_state=retry(paid),
            path="/confirm",
        ),
        WriteCase(
            "retry, declined again",
            retry(declined),
            lambda write: {"status": PaymentStatus.FAILED},
            path="/confirm",
        ),
        WriteCase(
            "refund in part",
            refund(paid, "2.50"),
            refunded(PaymentStatus.PARTIALLY_REFUNDED, "2.50"),
            refused=refund(paid, "12.51"),
            path="/v1/refunds",
        ),
        WriteCase(
            "refund in whole",
            refund(paid, None),
            refunded(PaymentStatus.REFUNDED, "12.50"),
            wrong_state=refund(declined, None),
            path="/v1/refunds",
        ),
    ]
