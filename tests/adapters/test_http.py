"""The HTTP client against a small real server: every way to fail, tokens, and exact numbers."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gzip
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

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
)
from adapters.http import (
    Call,
    HttpClient,
    Response,
    StaticHeaders,
    Token,
    TokenAuthenticator,
    correlation_id,
    observer,
    raise_for,
    retry_after_s,
)
from adapters.wire.answer import Headers

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}


def said(headers: Mapping[str, str]) -> Headers:
    """As they come over the wire."""
    return Headers.of([(name.encode(), value.encode()) for name, value in headers.items()])


class Request:
    """What the server heard: header names are in lower case."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.body = body


def answer(body: bytes = b"{}", status: int = 200, headers: Mapping[str, str] = JSON) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


Answer = Callable[[Request], Awaitable[bytes | None]]


class Server:
    """Answers with the bytes that it is told; None closes the connection without a word."""

    def __init__(self, respond: Answer, keep_alive: bool) -> None:
        self._respond = respond
        self._keep_alive = keep_alive
        self.requests: list[Request] = []
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
                length = Request(head, b"").headers.get("content-length", "0")
                request = Request(head, await reader.readexactly(int(length)))
                self.requests.append(request)
                said = await self._respond(request)
                if said is None:
                    return
                writer.write(said)
                await writer.drain()
                if not self._keep_alive:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def serving(respond: Answer | bytes | None, *, keep_alive: bool = True) -> AsyncIterator[Server]:
    async def always(_request: Request) -> bytes | None:
        return respond if isinstance(respond, bytes) else None

    server = Server(respond if callable(respond) else always, keep_alive)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


@contextlib.asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[HttpClient]:
    made = HttpClient(url, **options)
    try:
        yield made
    finally:
        await made.aclose()


# What is sent


async def test_what_a_request_looks_like() -> None:
    async with serving(answer()) as server, client(server.url, headers={"x-fixed": "1"}) as http:
        token = correlation_id.set("request-12345")
        await http.send("GET", "/v1/things", params=[("a", "1"), ("a", "x y&z"), ("b[c]", "é")])
        correlation_id.reset(token)
        await http.send("POST", "/v1/things", json={"amount": Decimal("10.50")}, headers={"x-own": "2"})
        await http.send("POST", "/v1/things", form=[("a", "1"), ("a", "2"), ("b[c]", "x y&z")])
    get, post, form = server.requests
    assert (get.method, get.target) == ("GET", "/v1/things?a=1&a=x+y%26z&b%5Bc%5D=%C3%A9")
    assert get.headers["x-correlation-id"] == "request-12345"
    assert get.headers["accept"] == "application/json"
    assert get.headers["user-agent"].startswith("fieldgate/")
    assert get.headers["x-fixed"] == "1"
    assert "x-correlation-id" not in post.headers
    assert (post.headers["content-type"], post.headers["x-own"]) == ("application/json", "2")
    assert post.body == b'{"amount":"10.50"}'
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form.body == b"a=1&a=2&b%5Bc%5D=x+y%26z"
    assert server.connections == 1


async def test_environment_proxies_and_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    elsewhere = answer(status=302, headers={"location": "http://127.0.0.1:9/"})
    async with serving(elsewhere) as server, client(server.url) as http:
        assert (await http.send("GET", "/")).status == 302


async def test_the_observer_sees_every_call() -> None:
    calls: list[Call] = []

    class Watcher:
        def begin(self, method: str, headers: dict[str, str]) -> Callable[[Call], None]:
            headers["traceparent"] = f"watched-{method}"
            return calls.append

    token = observer.set(Watcher())
    try:
        async with serving(answer(b'{"a":1}')) as server, client(server.url) as http:
            await http.send("GET", "/a", params=[("key", "value")])
            assert server.requests[0].headers["traceparent"] == "watched-GET"
        async with serving(None) as server, client(server.url) as http:
            with pytest.raises(OutcomeUnknown):
                await http.send("GET", "/b")
    finally:
        observer.reset(token)
    assert [(call.method, call.path, call.status, call.bytes) for call in calls] == [
        ("GET", "/a", 200, 7),
        ("GET", "/b", None, 0),
    ]


# What can go wrong on the way


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with client(f"http://127.0.0.1:{taken.getsockname()[1]}") as http:
            with pytest.raises(Unreachable) as caught:
                await http.send("GET", "/")
    assert "127.0.0.1" not in caught.value.message


async def test_no_such_host() -> None:
    async with client("http://no-such-host.invalid") as http:
        with pytest.raises(Unreachable):
            await http.send("GET", "/")


async def test_every_connection_of_the_pool_is_busy() -> None:
    heard, release = asyncio.Event(), asyncio.Event()

    async def hold(_request: Request) -> bytes:
        heard.set()
        await release.wait()
        return answer()

    async with serving(hold) as server, client(server.url, max_connections=1) as http:
        held = asyncio.create_task(http.send("GET", "/"))
        await heard.wait()
        http._own._timeout_s = 0.05
        with pytest.raises(Unreachable, match="busy"):
            await http.send("GET", "/")
        release.set()
        assert (await held).status == 200
    assert len(server.requests) == 1


async def test_no_answer_in_time() -> None:
    release = asyncio.Event()

    async def hold(_request: Request) -> None:
        await release.wait()

    async with serving(hold) as server, client(server.url, timeout_s=0.1) as http:
        with pytest.raises(OutcomeUnknown) as caught:
            await http.send("GET", "/")
        release.set()
    assert caught.value.timed_out


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(None, id="closed without a word"),
        pytest.param(answer(b"{}").replace(b"content-length: 2", b"content-length: 900"), id="cut body"),
        pytest.param(b"HTTP/1.1 200 X\r\ncontent-le", id="cut head"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="not HTTP"),
    ],
)
async def test_the_connection_breaks(said: bytes | None) -> None:
    async with serving(said, keep_alive=False) as server, client(server.url) as http:
        with pytest.raises(OutcomeUnknown) as caught:
            await http.send("GET", "/")
    assert not caught.value.timed_out


async def test_a_broken_content_encoding() -> None:
    broken = answer(b"no gzip at all", headers={**JSON, "content-encoding": "gzip"})
    async with serving(broken) as server, client(server.url) as http:
        with pytest.raises(Malformed):
            await http.send("GET", "/")


async def test_a_compressed_answer_is_read() -> None:
    packed = answer(gzip.compress(b'{"a":1.10}'), headers={**JSON, "content-encoding": "gzip"})
    async with serving(packed) as server, client(server.url) as http:
        assert (await http.send("GET", "/")).json() == {"a": Decimal("1.10")}


# Bodies


def test_numbers_with_a_fraction_are_exact() -> None:
    body = b'{"a": 0.1, "b": 12345678901234567.89, "c": 1E-8, "d": 3, "e": "x", "f": 10.50}'
    decoded = Response(200, said(JSON), body).json()
    assert decoded == {
        "a": Decimal("0.1"),
        "b": Decimal("12345678901234567.89"),
        "c": Decimal("1E-8"),
        "d": 3,
        "e": "x",
        "f": Decimal("10.50"),
    }
    assert str(decoded["f"]) == "10.50"
    assert isinstance(decoded["d"], int)


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8", "application/xml"])
def test_a_page_is_not_json(content_type: str) -> None:
    with pytest.raises(Malformed) as caught:
        Response(200, said({"content-type": content_type}), b"{}").json()
    assert content_type.split(";")[0] in caught.value.message


@pytest.mark.parametrize("headers", [{}, JSON, {"content-type": "application/problem+json; charset=utf-8"}])
def test_json_by_any_of_its_names(headers: Mapping[str, str]) -> None:
    assert Response(200, said(headers), b"[1]").json() == [1]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"secret": "hunter2"', b'"\xff"', b"[" * 100_000, b"hunter2", b"NaN"]
)
def test_a_body_that_is_no_json(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        Response(200, said(JSON), body).json()
    assert "hunter2" not in caught.value.message


# Statuses


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Rejected),
        (401, Unauthorised),
        (403, Unauthorised),
        (404, NotFound),
        (408, OutcomeUnknown),
        (409, Conflict),
        (412, Conflict),
        (422, Rejected),
        (429, Throttled),
        (500, OutcomeUnknown),
        (503, OutcomeUnknown),
        (599, OutcomeUnknown),
    ],
)
def test_statuses_stand_for_faults(status: int, fault: type[SystemFault]) -> None:
    with pytest.raises(fault) as caught:
        raise_for(Response(status, said({}), b""), code=None, message="refused", table={})
    assert type(caught.value) is fault
    assert caught.value.message == f"refused (HTTP {status})"


def test_the_vendors_code_comes_first() -> None:
    table: dict[str, type[SystemFault]] = {"GONE": NotFound, "SLOW": Throttled, "IN_200": Rejected}
    with pytest.raises(NotFound) as caught:
        raise_for(Response(500, said({}), b""), code="GONE", message="m", table=table)
    assert caught.value.vendor_code == "GONE"
    with pytest.raises(Throttled) as throttled:
        raise_for(Response(503, said({"retry-after": "7"}), b""), code="SLOW", message="m", table=table)
    assert throttled.value.retry_after_s == 7
    with pytest.raises(Rejected):
        raise_for(Response(200, said({}), b""), code="IN_200", message="m", table=table)
    raise_for(Response(200, said({}), b""), code="OTHER", message="m", table=table)
    raise_for(Response(302, said({}), b""), code=None, message="m", table=table)


DAY_S = 86_400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("-5", None),
        ("1e3", None),
        ("٣", None),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("0.25", 0.25),
        ("99999999999999999999", DAY_S),
        ("9" * 400, DAY_S),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 9015 07:28:00 GMT", DAY_S),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after_s({} if value is None else {"retry-after": value}) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_retry_after_as_a_date(zone: str) -> None:
    then = datetime.now(UTC) + timedelta(seconds=100)
    text = email.utils.format_datetime(then).replace("+0000", zone)
    found = retry_after_s({"retry-after": text})
    assert found is not None
    assert 95 < found <= 100


def test_retry_after_does_not_depend_on_the_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        test_retry_after_as_a_date("-0000")
    finally:
        monkeypatch.undo()
        time.tzset()


# Credentials


class Vault:
    """Gives tokens t1, t2, …; ``gate`` holds a fetch until it is set."""

    def __init__(self, lives_s: float | None = None) -> None:
        self.given = 0
        self.lives_s = lives_s
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.fault: SystemFault | None = None

    async def fetch(self, _client: HttpClient) -> Token:
        self.asked.set()
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.given += 1
        return Token(f"t{self.given}", self.lives_s)


def valid(*tokens: str) -> Answer:
    async def respond(request: Request) -> bytes:
        known = request.headers.get("authorization") in {f"Bearer {token}" for token in tokens}
        return answer(status=200 if known else 401)

    return respond


async def test_a_key_is_sent_and_a_401_is_final() -> None:
    key = StaticHeaders({"authorization": "Basic abc"})
    async with serving(answer(status=401)) as server, client(server.url, authenticator=key) as http:
        assert (await http.send("GET", "/")).status == 401
        await http.send("GET", "/", authenticate=False)
    assert [request.headers.get("authorization") for request in server.requests] == ["Basic abc", None]


async def test_twenty_waiting_requests_share_one_fetch() -> None:
    vault = Vault()
    vault.gate.clear()
    async with (
        serving(valid("t1")) as server,
        client(server.url, authenticator=TokenAuthenticator(vault.fetch)) as http,
    ):
        waiting = [asyncio.create_task(http.send("GET", "/")) for _ in range(20)]
        await vault.asked.wait()
        assert server.requests == []
        vault.gate.set()
        statuses = [(await each).status for each in waiting]
    assert statuses == [200] * 20
    assert vault.given == 1


async def test_a_refused_token_is_renewed_once_for_all() -> None:
    vault = Vault()
    async with (
        serving(valid("t2")) as server,
        client(server.url, authenticator=TokenAuthenticator(vault.fetch)) as http,
    ):
        answers = await asyncio.gather(*(http.send("GET", "/") for _ in range(20)))
        assert {each.status for each in answers} == {200}
        assert vault.given == 2
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent.count("Bearer t2") == 20
        assert (await http.send("GET", "/")).status == 200
    assert vault.given == 2


async def test_a_second_401_is_the_answer() -> None:
    vault = Vault()
    async with (
        serving(valid()) as server,
        client(server.url, authenticator=TokenAuthenticator(vault.fetch)) as http,
    ):
        assert (await http.send("GET", "/")).status == 401
    assert (vault.given, len(server.requests)) == (2, 2)


@pytest.mark.parametrize(("lives_s", "good_for_s"), [(3600.0, 3570.0), (40.0, 20.0), (1.0, 0.5)])
async def test_a_token_is_renewed_before_it_expires(lives_s: float, good_for_s: float) -> None:
    now = 1000.0
    vault = Vault(lives_s)
    async with client("http://127.0.0.1:9") as http:
        authenticator = TokenAuthenticator(vault.fetch, clock=lambda: now)
        assert await authenticator.headers(http) == {"authorization": "Bearer t1"}
        now += good_for_s - 0.01
        assert await authenticator.headers(http) == {"authorization": "Bearer t1"}
        now += 0.01
        assert await authenticator.headers(http) == {"authorization": "Bearer t2"}


async def test_a_token_without_an_end_is_kept() -> None:
    now = 0.0
    vault = Vault(None)
    async with client("http://127.0.0.1:9") as http:
        authenticator = TokenAuthenticator(vault.fetch, clock=lambda: now, scheme="Session")
        assert await authenticator.headers(http) == {"authorization": "Session t1"}
        now += 10**9
        assert await authenticator.headers(http) == {"authorization": "Session t1"}


async def test_a_late_refusal_does_not_throw_a_fresh_token_away() -> None:
    vault = Vault()
    async with client("http://127.0.0.1:9") as http:
        authenticator = TokenAuthenticator(vault.fetch)
        old = await authenticator.headers(http)
        assert await authenticator.refused(http, old)
        new = await authenticator.headers(http)
        assert await authenticator.refused(http, old)
        assert await authenticator.headers(http) == new
    assert vault.given == 2


async def test_who_gives_up_does_not_end_the_fetch_of_others() -> None:
    vault = Vault()
    vault.gate.clear()
    async with client("http://127.0.0.1:9") as http:
        authenticator = TokenAuthenticator(vault.fetch)
        impatient = asyncio.create_task(asyncio.wait_for(authenticator.headers(http), 0.05))
        patient = asyncio.create_task(authenticator.headers(http))
        with pytest.raises(TimeoutError):
            await impatient
        vault.gate.set()
        assert await patient == {"authorization": "Bearer t1"}
    assert vault.given == 1


async def test_a_fetch_that_failed_is_tried_again_by_the_next() -> None:
    vault = Vault()
    vault.fault = Unauthorised("wrong key")
    async with client("http://127.0.0.1:9") as http:
        authenticator = TokenAuthenticator(vault.fetch)
        with pytest.raises(Unauthorised):
            await authenticator.headers(http)
        vault.fault = None
        assert await authenticator.headers(http) == {"authorization": "Bearer t1"}
