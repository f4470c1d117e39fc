"""The root of mutations, and the table of what each writes."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import Info

from resolvers.context import RequestContext
from resolvers.mutations import (
    amend_subscription,
    cancel_subscription,
    collect_payment,
    operate,
    pause_subscription,
    post_invoice,
    reactivate_subscription,
    refund_payment,
    resume_subscription,
    retry_payment,
    update_customer,
    update_customer_billing,
    update_invoice,
    void_invoice,
)
from schema.mutation_inputs import (
    AmendSubscriptionInput,
    CancelSubscriptionInput,
    CollectPaymentInput,
    InvoiceActionInput,
    PaymentActionInput,
    RefundPaymentInput,
    SubscriptionActionInput,
    UpdateCustomerBillingInput,
    UpdateCustomerInput,
    UpdateInvoiceInput,
)
from schema.ownership import Writes
from schema.payloads import (
    CommandPayload,
    InvoicePayload,
    PaymentPayload,
    SubscriptionPayload,
    UpdateCustomerBillingPayload,
    UpdateCustomerPayload,
)

_Info = Info[RequestContext, Any]
_Id = Annotated[strawberry.ID, strawberry.argument(description="The command's global id.")]

WRITES: tuple[Writes, ...] = tuple(
    module.WRITES
    for module in (
        update_customer,
        update_customer_billing,
        amend_subscription,
        pause_subscription,
        resume_subscription,
        cancel_subscription,
        reactivate_subscription,
        post_invoice,
        void_invoice,
        update_invoice,
        collect_payment,
        retry_payment,
        refund_payment,
    )
)
"""What every mutation writes; ``schema.ownership`` holds it against the owners."""


@strawberry.type(description="What can be written. One mutation writes one system, as a durable command.")
class Mutation:
    @strawberry.mutation(description="Changes what the CRM knows of a customer.")
    async def update_customer(self, info: _Info, input: UpdateCustomerInput) -> UpdateCustomerPayload:
        return await update_customer.update_customer(info, input)

    @strawberry.mutation(description="Changes what the ERP knows of a customer.")
    async def update_customer_billing(
        self, info: _Info, input: UpdateCustomerBillingInput
    ) -> UpdateCustomerBillingPayload:
        return await update_customer_billing.update_customer_billing(info, input)

    @strawberry.mutation(description="Another plan or quantity.")
    async def amend_subscription(self, info: _Info, input: AmendSubscriptionInput) -> SubscriptionPayload:
        return await amend_subscription.amend_subscription(info, input)

    @strawberry.mutation(description="Stops service and bills until it is resumed.")
    async def pause_subscription(self, info: _Info, input: SubscriptionActionInput) -> SubscriptionPayload:
        return await pause_subscription.pause_subscription(info, input)

    @strawberry.mutation(description="Ends a pause.")
    async def resume_subscription(self, info: _Info, input: SubscriptionActionInput) -> SubscriptionPayload:
        return await resume_subscription.resume_subscription(info, input)

    @strawberry.mutation(description="Ends a subscription, at the end of its term unless told otherwise.")
    async def cancel_subscription(self, info: _Info, input: CancelSubscriptionInput) -> SubscriptionPayload:
        return await cancel_subscription.cancel_subscription(info, input)

    @strawberry.mutation(description="Begins a cancelled one again, or takes back a cancellation to come.")
    async def reactivate_subscription(
        self, info: _Info, input: SubscriptionActionInput
    ) -> SubscriptionPayload:
        return await reactivate_subscription.reactivate_subscription(info, input)

    @strawberry.mutation(
        description="Financial finalisation: accepted at once, done when the ERP has posted it."
    )
    async def post_invoice(self, info: _Info, input: InvoiceActionInput) -> InvoicePayload:
        return await post_invoice.post_invoice(info, input)

    @strawberry.mutation(
        description="Takes an invoice back: accepted at once, done when the ERP has voided it."
    )
    async def void_invoice(self, info: _Info, input: InvoiceActionInput) -> InvoicePayload:
        return await void_invoice.void_invoice(info, input)

    @strawberry.mutation(description="Changes when an invoice is due, or the note on it.")
    async def update_invoice(self, info: _Info, input: UpdateInvoiceInput) -> InvoicePayload:
        return await update_invoice.update_invoice(info, input)

    @strawberry.mutation(description="Charges what is due on an invoice to the customer's payment method.")
    async def collect_payment(self, info: _Info, input: CollectPaymentInput) -> PaymentPayload:
        return await collect_payment.collect_payment(info, input)

    @strawberry.mutation(description="Tries a failed payment again.")
    async def retry_payment(self, info: _Info, input: PaymentActionInput) -> PaymentPayload:
        return await retry_payment.retry_payment(info, input)

    @strawberry.mutation(description="Gives a payment back, whole or in part.")
    async def refund_payment(self, info: _Info, input: RefundPaymentInput) -> PaymentPayload:
        return await refund_payment.refund_payment(info, input)

    @strawberry.mutation(description="Puts a dead or uncertain command back in its queue.")
    async def replay_command(self, info: _Info, id: _Id) -> CommandPayload:
        return await operate.replay_command(info, id)

    @strawberry.mutation(description="Gives up a command that has not started.")
    async def cancel_command(self, info: _Info, id: _Id) -> CommandPayload:
        return await operate.cancel_command(info, id)
