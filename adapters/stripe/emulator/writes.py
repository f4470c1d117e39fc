"""The endpoints that write: parameters are checked, keys remembered, each effect is journalled."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from adapters.emulation.journal import Effect, note_effect, open_journal
from adapters.emulation.store import transaction
from adapters.emulation.webhooks import open_outbox
from adapters.stripe.emulator import expand, intents, parameters, refunds
from adapters.stripe.emulator.errors import StripeError
from adapters.stripe.emulator.events import Origin
from adapters.stripe.emulator.idempotency import KeyMemory, Remembered
from adapters.stripe.emulator.objects import Objects
from adapters.stripe.emulator.operation import Call, Operation
from adapters.stripe.emulator.parameters import Kind

OPERATIONS: Mapping[str, Operation] = {
    "/v1/payment_intents": intents.CREATE,
    "/v1/payment_intents/{id}/confirm": intents.CONFIRM,
    "/v1/refunds": refunds.CREATE,
}


class WriteApi:
    """The endpoints that write, over one store."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._objects = Objects(store)
        self._keys = KeyMemory(store)
        open_journal(store)
        open_outbox(store)

    def endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            form = (await request.body()).decode("utf-8", "replace")
            key = request.headers.get("idempotency-key")
            origin = Origin(request.state.request_id, key, int(time.time()))
            if key is None:
                done = self._work(operation, request, form, origin)
                return Response(done.body, done.status, media_type="application/json")
            remembered = self._keys.take(key, request.url.path, form, origin.now)
            if remembered is not None:
                return _replay(key, remembered)
            try:
                done = self._work(operation, request, form, origin)
            except BaseException:
                self._keys.release(key)
                raise
            headers = {"idempotency-key": key, "original-request": done.request_id}
            return _Releasing(done, headers, lambda: self._keys.release(key))

        return handle

    def _work(self, operation: Operation, request: Request, form: str, origin: Origin) -> Remembered:
        """Does it, in one transaction with its journal line and the memory of its key.

        Raises ``StripeError`` where the parameters are wrong; a refusal for what they say is an answer.
        """
        values = parameters.parse(form, {**operation.known, "expand": Kind.LIST})
        for name in operation.required:
            if name not in values:
                raise StripeError(f"Missing required param: {name}.", code="parameter_missing", param=name)
        kind = operation.action.partition(".")[0]
        for path in values.get("expand", []):
            expand.check(kind, path, in_list=False)
        call = Call(self._objects, origin, str(request.path_params.get("id", "")), values)
        try:
            with transaction(self._store):
                outcome = operation.perform(call)
                effect = Effect("stripe", operation.action, outcome.record_id, origin.idempotency_key)
                note_effect(self._store, effect)
                for path in values.get("expand", []) if outcome.status == 200 else ():
                    expand.apply(self._objects, outcome.body, path.split("."))
                done = Remembered(outcome.status, msgspec.json.encode(outcome.body), request.state.request_id)
                self._keep(request, form, origin, done)
        except StripeError as refusal:
            done = Remembered(refusal.status, msgspec.json.encode(refusal.body), request.state.request_id)
            self._keep(request, form, origin, done)
        return done

    def _keep(self, request: Request, form: str, origin: Origin, done: Remembered) -> None:
        if origin.idempotency_key is not None:
            self._keys.keep(origin.idempotency_key, request.url.path, form, done, origin.now)


class _Releasing(Response):
    """Its key is in use until the answer begins to be sent; with the last byte a caller finds it free."""

    def __init__(self, done: Remembered, headers: dict[str, str], release: Callable[[], None]) -> None:
        super().__init__(done.body, done.status, headers, "application/json")
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            try:
                await send(message)
            finally:
                self._release()

        await super().__call__(scope, receive, sending)


def _replay(key: str, remembered: Remembered) -> Response:
    headers = {
        "idempotency-key": key,
        "idempotent-replayed": "true",
        "original-request": remembered.request_id,
    }
    return Response(remembered.body, remembered.status, headers, "application/json")


def answer(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
