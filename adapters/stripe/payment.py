"""Stripe payment intents. https://docs.stripe.com/api/payment_intents

The intent says where a payment stands until the money is taken; what came of it afterwards (refunds,
disputes) stands on its latest charge, which is expanded in the same call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from adapters.contracts.convert import status_from, utc_from_unix
from adapters.contracts.errors import Unsupported
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.values import Money, PaymentMethod
from adapters.contracts.vocabulary import PaymentStatus, RecordType
from adapters.stripe import payment_method
from adapters.stripe.client import MAX_ROWS, StripeClient, expanding, together
from adapters.stripe.failure import read_failure
from adapters.stripe.listing import list_page
from adapters.stripe.money import minor, money
from adapters.stripe.settings import StripeSettings

STATUSES: Mapping[str, PaymentStatus] = {
    "requires_payment_method": PaymentStatus.PENDING,
    "requires_confirmation": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELLED,
}
"""Statuses of an intent (https://docs.stripe.com/payments/paymentintents/lifecycle). An intent whose
payment failed goes back to ``requires_payment_method``, and a succeeded one never leaves that status."""

_CHARGE, _METHOD = "latest_charge", "payment_method"
PAYMENT_ID = re.compile(r"pi_[A-Za-z0-9_]{1,250}")


def payment_fields(settings: StripeSettings) -> FieldMap:
    """The field map of a payment intent; ``asks`` are what to expand, ``write`` gives form fields."""
    return FieldMap(
        "payment_intent",
        [
            Field("id", (), lambda row: row["id"]),
            Field(
                "customer_in_payments",
                (),
                lambda row: row["customer"],
                write=lambda id: {"customer": id},
                filters={Op.IN: _customer},
            ),
            _link("invoice_in_erp", settings.erp_invoice_id_key),
            _link("customer_in_crm", settings.crm_id_key),
            Field("status", (_CHARGE,), _status),
            Field("amount", (), lambda row: money(row["amount"], row["currency"]), write=_write_amount),
            Field("amount_refunded", (_CHARGE,), _amount_refunded),
            Field("method", (_CHARGE, _METHOD), _method),
            Field("failure", (_CHARGE,), lambda row: read_failure(row, _expanded(row, _CHARGE))),
            Field("created_at", (), lambda row: utc_from_unix(row["created"]), filters={Op.SINCE: _since}),
        ],
    )


class Payments(Resource):
    """Payment intents, newest first, of one customer or of all. The list has no filter by status."""

    type = RecordType.PAYMENT
    caps = Caps(ids_per_call=25, rows_per_call=MAX_ROWS, keys_per_call={"customer_in_payments": 1})

    def __init__(self, client: StripeClient, settings: StripeSettings) -> None:
        self._client = client
        self.fields = payment_fields(settings)

    async def page(self, request: PageRequest) -> Page:
        self.require(request)
        params = [pair for condition in request.where for pair in self.fields.condition(condition)]
        params += expanding(self.fields.projection(request.select), "data.")
        return await list_page(self._client, "/v1/payment_intents", params, request)

    async def read_many(self, ids: Sequence[str], select: frozenset[str]) -> Mapping[str, Row]:
        params = expanding(self.fields.projection(select))
        wanted = [id for id in dict.fromkeys(ids) if PAYMENT_ID.fullmatch(id)]
        rows = await together(self._client.retrieve(f"/v1/payment_intents/{id}", params) for id in wanted)
        return {id: row for id, row in zip(wanted, rows, strict=True) if row is not None}


def _link(name: str, key: str) -> Field:
    """A link to another system's record, in the metadata."""
    return Field(
        name, (), lambda row: row["metadata"].get(key) or None, write=lambda id: {f"metadata[{key}]": id}
    )


def _write_amount(amount: Money) -> Mapping[str, str]:
    return {"amount": str(minor(amount)), "currency": amount.currency.lower()}


def _expanded(row: Row, name: str) -> Mapping[str, Any] | None:
    """A related object that was asked for in the same call; None where there is none.

    A bare id means that it was not expanded: reading on would give a wrong answer.
    """
    related = row[name]
    if isinstance(related, str):
        raise TypeError(f"{name} is not expanded")
    return cast("Mapping[str, Any] | None", related)


def _status(row: Row) -> PaymentStatus:
    return status_of(row, _expanded(row, _CHARGE))


def status_of(intent: Mapping[str, Any], charge: Mapping[str, Any] | None) -> PaymentStatus:
    """The status of an intent with its latest charge; of the intent alone where the charge is not at hand."""
    status = status_from(STATUSES, intent["status"], PaymentStatus.UNKNOWN)
    if intent["status"] == "requires_payment_method":
        failed = intent["last_payment_error"] or (charge and charge["status"] == "failed")
        return PaymentStatus.FAILED if failed else status
    if status is PaymentStatus.SUCCEEDED and charge:
        return status_after_success(charge)
    return status


def status_after_success(charge: Mapping[str, Any]) -> PaymentStatus:
    """What came of a charge that took the money."""
    if charge["refunded"]:
        return PaymentStatus.REFUNDED
    if charge["disputed"]:
        return PaymentStatus.DISPUTED
    return PaymentStatus.PARTIALLY_REFUNDED if charge["amount_refunded"] else PaymentStatus.SUCCEEDED


def _amount_refunded(row: Row) -> Any:
    charge = _expanded(row, _CHARGE)
    return money(charge["amount_refunded"] if charge else 0, row["currency"])


def _method(row: Row) -> PaymentMethod | None:
    """As it was when charged; before a charge, and after one that failed, as the intent has it."""
    charge = _expanded(row, _CHARGE)
    error: Mapping[str, Any] | None = row["last_payment_error"]
    for details in (
        charge and charge["payment_method_details"],
        _expanded(row, _METHOD),
        error and error.get("payment_method"),
    ):
        if details:
            return payment_method.read(details)
    return None


def _customer(values: tuple[str, ...]) -> list[tuple[str, str]]:
    if len(values) != 1:
        raise Unsupported("Stripe lists payment intents of one customer at a time")
    return [("customer", values[0])]


def _since(moment: datetime) -> list[tuple[str, str]]:
    """Stripe's times are whole seconds: at or after 10.5 s is at or after 11 s."""
    seconds = int(moment.replace(microsecond=0).timestamp())
    return [("created[gte]", str(seconds + 1 if moment.microsecond else seconds))]
