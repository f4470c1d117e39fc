"""Misbehaviour on demand, as ASGI middleware around an emulator or a proxy.

A fault is armed by the admin endpoint (``POST /_emulator/faults``) for the next ``times`` matching
requests, or carried by a single request in the header ``x-emulate-fault`` (the same JSON, or just a
kind). Kinds:

``latency``         waits ``seconds``, or until the faults are disarmed, then answers as usual
``throttle``        429, with ``Retry-After: {retry_after_s}`` where that is given
``error``           ``status`` (500 unless told) and a body in the vendor's form
``fail_after``      does the work, then answers 503
``drop``            closes the connection without an answer
``drop_after``      does the work, then closes the connection without an answer
``hold``            does the work, and gives its answer ``seconds`` later: time to kill a caller in between
``truncate``        sends half of the JSON body
``expire_token``    answers 401 in the vendor's form
``content_type``    a login page: 200, text/html
``shrink``          lists give one row fewer than asked for, and still say that more follow
"""

from __future__ import annotations

import asyncio
import functools
import json
import random
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.emulation.journal import Effect
from adapters.emulation.limits import Governor, Limits
from adapters.emulation.webhooks import Deliverer, Endpoint

Kind = Literal[
    "latency",
    "throttle",
    "error",
    "fail_after",
    "drop",
    "drop_after",
    "hold",
    "truncate",
    "expire_token",
    "content_type",
    "shrink",
]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One armed misbehaviour.

    path:   limits it to request paths that contain the text.
    method: limits it to one HTTP method, so that a write is hit and the reads before it are not.
    share:  the part of the matching requests that it hits, drawn at random, the same way in every run.
    """

    kind: Kind
    path: str = ""
    method: str = ""
    times: int = 1
    share: float = 1.0
    seconds: float = 0.0
    status: int = 500
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """A vendor's error answer: its JSON body, content type and extra headers."""

    body: Any
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


ErrorForm = Callable[[int, str], ErrorBody]
"""A vendor's error body for (HTTP status, fault kind): ``error``, ``throttle`` or ``expire_token``."""


MAX_CALLS = 100_000


class CallLog:
    """Every request the emulator heard, admin calls left out: the independent count of upstream calls.

    ``correlation`` is the request's ``x-correlation-id``: what is asked for a client's request has one, and
    what a gateway fetches of its own accord has none. ``answered`` turns true when the answer is out. Of more
    than ``MAX_CALLS``, the older ones are forgotten.
    """

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def add(self, method: str, path: str, query: str, correlation: str | None = None) -> dict[str, Any]:
        if len(self.calls) >= MAX_CALLS:
            del self.calls[: MAX_CALLS // 2]
        call = {
            "method": method,
            "path": path,
            "query": query,
            "correlation": correlation,
            "answered": False,
        }
        self.calls.append(call)
        return call

    def clear(self) -> None:
        self.calls.clear()


class Misbehaving:
    """Wraps an ASGI app: logs calls, applies faults, serves the admin endpoints under ``/_emulator/``.

    ``GET /_emulator/calls`` lists the calls since the last ``DELETE``; ``POST /_emulator/faults`` arms one
    fault, ``DELETE`` disarms all; ``GET /_emulator/effects`` lists the journal of what was done, for an app
    that keeps one; ``PUT /_emulator/limits`` sets the ``Limits``. For a vendor with webhooks, ``PUT
    /_emulator/webhooks`` sets their ``Endpoint``, ``GET`` counts them, ``DELETE`` sends no more. A handler
    sees an armed ``shrink`` as ``scope["state"]["shrink"]``.
    """

    def __init__(
        self,
        app: ASGIApp,
        error_form: ErrorForm,
        effects: Callable[[], list[Effect]] | None = None,
        webhooks: Deliverer | None = None,
    ) -> None:
        self._app = app
        self._error_form = error_form
        self.log = CallLog()
        self.effects = effects
        self.webhooks = webhooks
        self._armed: list[list[Any]] = []
        self._waiting: set[Callable[[], Any]] = set()
        self._random = random.Random(7)
        self._governor = Governor()

    def arm(self, fault: Fault) -> None:
        self._armed.append([fault, fault.times])

    def disarm(self) -> None:
        """From any thread. Requests that wait in ``latency`` go on."""
        self._armed.clear()
        for go_on in list(self._waiting):
            go_on()

    def limit(self, limits: Limits) -> None:
        """Sets the limits from here on; ``Limits()`` lifts them."""
        self._governor = Governor(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        if path.startswith("/_emulator/"):
            await self._admin(scope, receive, send)
            return
        query = scope.get("query_string", b"").decode("latin-1")
        call = self.log.add(str(scope["method"]), path, query, _header(scope, b"x-correlation-id"))
        governor = self._governor
        if not governor.enter():
            await _answer(send, 429, self._error_form(429, "throttle"))
            call["answered"] = True
            return
        try:
            try:
                fault = self._from_header(scope) or self._take(str(scope["method"]), path)
            except msgspec.DecodeError as error:
                await _answer(send, 400, ErrorBody({"error": f"x-emulate-fault: {error}"}))
                return
            if fault is None:
                await self._app(scope, receive, send)
            else:
                await self._misbehave(fault, scope, receive, send)
        finally:
            call["answered"] = True
            governor.leave()

    def _take(self, method: str, path: str) -> Fault | None:
        for entry in self._armed:
            if (
                entry[0].path in path
                and entry[0].method in ("", method)
                and (entry[0].share >= 1 or self._random.random() < entry[0].share)
            ):
                entry[1] -= 1
                if entry[1] <= 0:
                    self._armed.remove(entry)
                return entry[0]
        return None

    @staticmethod
    def _from_header(scope: Scope) -> Fault | None:
        text = (_header(scope, b"x-emulate-fault") or "").strip()
        if not text:
            return None
        return msgspec.json.decode(text if text.startswith("{") else json.dumps({"kind": text}), type=Fault)

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "latency":
                await self._delay(fault.seconds)
                await self._app(scope, receive, send)
            case "throttle":
                form = self._error_form(429, "throttle")
                extra = (
                    (("retry-after", f"{fault.retry_after_s:g}"),) if fault.retry_after_s is not None else ()
                )
                await _answer(send, 429, form, extra)
            case "error":
                await _answer(send, fault.status, self._error_form(fault.status, "error"))
            case "expire_token":
                await _answer(send, 401, self._error_form(401, "expire_token"))
            case "fail_after":
                await self._app(scope, receive, _swallow)
                await _answer(send, 503, self._error_form(503, "error"))
            case "drop":
                await _drop(scope, send)
            case "drop_after":
                await self._app(scope, receive, _swallow)
                await _drop(scope, send)
            case "hold":
                await self._app(scope, receive, _held(fault.seconds, receive, send))
            case "truncate":
                status, headers, body = await _record(self._app, scope, receive)
                await _send(send, status, headers, body[: len(body) // 2])
            case "content_type":
                page = b"<!doctype html><title>Sign in</title><p>Please sign in."
                await _send(send, 200, [("content-type", "text/html")], page)
            case "shrink":
                state: MutableMapping[str, Any] = scope.setdefault("state", {})
                state["shrink"] = True
                await self._app(scope, receive, send)

    async def _delay(self, seconds: float) -> None:
        released = asyncio.Event()
        go_on = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, released.set)
        self._waiting.add(go_on)
        try:
            async with asyncio.timeout(seconds):
                await released.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(go_on)

    async def _admin(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path == "/_emulator/calls" and method == "GET":
            await _answer(send, 200, ErrorBody(self.log.calls))
        elif path == "/_emulator/calls" and method == "DELETE":
            self.log.clear()
            await _answer(send, 200, ErrorBody([]))
        elif path == "/_emulator/effects" and method == "GET" and self.effects is not None:
            await _answer(send, 200, ErrorBody(self.effects()))
        elif path == "/_emulator/webhooks" and method == "GET" and self.webhooks is not None:
            await _answer(send, 200, ErrorBody(self.webhooks.counts()))
        elif path == "/_emulator/webhooks" and method == "PUT" and self.webhooks is not None:
            try:
                self.webhooks.send_to(msgspec.json.decode(await _body(receive), type=Endpoint))
            except msgspec.DecodeError as error:
                await _answer(send, 400, ErrorBody({"error": str(error)}))
                return
            await _answer(send, 200, ErrorBody(self.webhooks.counts()))
        elif path == "/_emulator/webhooks" and method == "DELETE" and self.webhooks is not None:
            self.webhooks.send_to(None)
            await _answer(send, 200, ErrorBody(self.webhooks.counts()))
        elif path == "/_emulator/faults" and method == "POST":
            try:
                self.arm(msgspec.json.decode(await _body(receive), type=Fault))
            except msgspec.DecodeError as error:
                await _answer(send, 400, ErrorBody({"error": str(error)}))
                return
            await _answer(send, 200, ErrorBody({"armed": len(self._armed)}))
        elif path == "/_emulator/limits" and method == "PUT":
            try:
                self.limit(msgspec.json.decode(await _body(receive), type=Limits))
            except msgspec.DecodeError as error:
                await _answer(send, 400, ErrorBody({"error": str(error)}))
                return
            await _answer(send, 200, ErrorBody({}))
        elif path == "/_emulator/faults" and method == "DELETE":
            self.disarm()
            await _answer(send, 200, ErrorBody({"armed": 0}))
        else:
            await _answer(send, 404, ErrorBody({"error": f"there is no {method} {path}"}))


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for each, value in scope["headers"] if each == name), None)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _swallow(message: Message) -> None:
    return None


def _held(seconds: float, receive: Receive, send: Send) -> Send:
    """Sends nothing before the time is up or the caller has gone; to the app the call is still under way."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            leaving = asyncio.create_task(gone())
            await asyncio.wait([leaving], timeout=seconds)
            leaving.cancel()
        await send(message)

    return sending


async def _record(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, list[tuple[str, str]], bytes]:
    status, headers, body = 500, list[tuple[str, str]](), b""

    async def keep(message: Message) -> None:
        nonlocal status, headers, body
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", [])
                if name.lower() != b"content-length"
            ]
        elif message["type"] == "http.response.body":
            body += message.get("body", b"")

    await app(scope, receive, keep)
    return status, headers, body


async def _answer(send: Send, status: int, form: ErrorBody, extra: tuple[tuple[str, str], ...] = ()) -> None:
    body = form.body if isinstance(form.body, bytes) else msgspec.json.encode(form.body)
    await _send(send, status, [("content-type", form.content_type), *form.headers, *extra], body)


async def _send(send: Send, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _drop(scope: Scope, send: Send) -> None:
    """Ends the connection with an unfinished answer: a promise of bytes that never come."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    raise ConnectionAbortedError("dropped on demand")
