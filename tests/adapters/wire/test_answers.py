"""Answers of every form, well-formed or not: httpx is the oracle for what they mean."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from adapters.contracts.errors import Malformed, OutcomeUnknown
from adapters.http import HttpClient
from adapters.wire import connection as wire_connection
from adapters.wire import pool as wire_pool
from adapters.wire.answer import Answer
from tests.adapters.wire.peer import Heard, Say, ok, peer, until

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def client(url: str, timeout_s: float = 30.0) -> AsyncIterator[HttpClient]:
    made = HttpClient(url, timeout_s=timeout_s)
    try:
        yield made
    finally:
        await made.aclose()


def packed(body: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(body) + packer.flush()


BODY = b'{"name": "\xc3\xa9", "amount": 10.50}' * 300

GOOD = {
    "length": ok(BODY),
    "no body": ok(b""),
    "length in pieces": ok(b"x" * 500_000),
    "length with zeros before it": b"HTTP/1.1 200 OK\r\ncontent-length: 002\r\n\r\n{}",
    "kept, it says": ok(b"{}", "Connection: keep-alive", "Keep-Alive: timeout=5"),
    "two types": ok(b"{}", "content-type: text/html", "Content-Type: application/json"),
    "another type": ok(b"{}", "content-type: text/html"),
    "closed, it says": ok(b"{}", "connection: close"),
    "no reason phrase": b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}",
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n4\r\nmore\r\n0\r\n\r\n",
    "chunked, extensions and trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
        b"2;name=value\r\n{}\r\n0\r\nx-sum: 12\r\n\r\n"
    ),
    "until it closes": b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nold",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\ncontent-length: 90\r\n\r\n",
    "500": b"HTTP/1.1 500 Oh\r\ncontent-length: 4\r\n\r\nfail",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"after"),
    "103 first": b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n" + ok(b"after", "x-real: 1"),
    "a header twice": ok(b"", "set-cookie: a=1", "set-cookie: b=2", "vary: accept"),
    "an empty header": ok(b"{}", "x-empty:", "x-next: value"),
    "odd spaces and case": ok(b"{}", "X-Odd:    spaced \t ", 'ETag: W/"a"'),
    "header in latin-1": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-name: caf\xe9\r\n\r\n",
    "gzip": ok(gzip.compress(BODY), "content-encoding: GZIP"),
    "gzip, empty": ok(b"", "content-encoding: gzip"),
    "gzip, chunked": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n"
        + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (gzip.compress(b"ab" * 50),))
        + b"0\r\n\r\n"
    ),
    "deflate": ok(packed(BODY, zlib.MAX_WBITS), "content-encoding: deflate"),
    "deflate without its header": ok(packed(BODY, -zlib.MAX_WBITS), "content-encoding: deflate"),
    "two codings": ok(gzip.compress(packed(BODY, zlib.MAX_WBITS)), "content-encoding: deflate, gzip"),
    "identity": ok(b"plain", "content-encoding: identity"),
}


@pytest.mark.parametrize("said", GOOD.values(), ids=GOOD.keys())
async def test_means_the_same_as_to_httpx(said: bytes) -> None:
    async def once(_heard: Heard, say: Say) -> None:
        await say(said)

    async with peer(once) as server:
        async with httpx.AsyncClient(trust_env=False) as oracle:
            expected = await oracle.get(server.url)
        async with client(server.url) as http:
            answer = await http.send("GET", "/")
    assert answer.status == expected.status_code
    assert answer.body == expected.content
    assert dict(answer.headers) == {name: expected.headers[name] for name in expected.headers}


async def test_gzip_of_several_members() -> None:
    # httpx gives the first only; RFC 1952, 2.2 has them as one.
    said = ok(gzip.compress(b"one") + gzip.compress(b"two"), "content-encoding: gzip")
    async with peer(said) as server, client(server.url) as http:
        assert (await http.send("GET", "/")).body == b"onetwo"


async def test_in_single_bytes() -> None:
    said = GOOD["chunked, extensions and trailers"]

    async def slowly(_heard: Heard, say: Say) -> bool:
        for at in range(len(said)):
            await say(said[at : at + 1])
        return True

    async with peer(slowly) as server, client(server.url) as http:
        for _ in range(2):
            assert (await http.send("GET", "/")).body == b"{}"
    assert server.connections == 1


async def test_whole_and_in_pieces_by_turns() -> None:
    async def script(heard: Heard, say: Say) -> bool:
        said = ok(heard.line.encode(), f"x-line: {heard.line}")
        at = said.index(b"\r\n\r\n") + 2 if "pieces" in heard.line else len(said)
        await say(said[:at])
        if said[at:]:
            await until(lambda: head_came)
            await say(said[at:])
        return True

    head_came = False
    heads = wire_connection.whole_answer

    def seen(data: bytes) -> Answer | None:
        nonlocal head_came
        head_came = True
        return heads(data)

    async with peer(script) as server, client(server.url) as http:
        for path in ("/whole", "/pieces", "/whole", "/pieces"):
            head_came = False
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(wire_connection, "whole_answer", seen)
                answer = await http.send("GET", path)
            assert answer.body == f"GET {path} HTTP/1.1".encode()
            assert answer.headers["x-line"] == f"GET {path} HTTP/1.1"
    assert server.connections == 1


@pytest.mark.parametrize("after", [b"x", b"HTTP/1.1 200 OK\r\n"])
async def test_something_behind_a_whole_answer_ends_its_connection(after: bytes) -> None:
    async with peer(ok(b"whole") + after) as server, client(server.url) as http:
        assert (await http.send("GET", "/a")).body == b"whole"
        assert (await http.send("GET", "/b")).body == b"whole"
    assert server.connections == 2


async def test_head_has_no_body_whatever_it_says() -> None:
    async def script(heard: Heard, say: Say) -> bool:
        await say(
            ok(b"{}") if heard.line.startswith("GET") else b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"
        )
        return True

    async with peer(script) as server, client(server.url) as http:
        answer = await http.send("HEAD", "/")
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "99")
        assert (await http.send("GET", "/")).body == b"{}"


BAD = {
    "nothing": b"",
    "half a status line": b"HTTP/1.",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "a head without its end": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}",
    "half a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\n{}",
    "no last chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "no size of a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk too long": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}",
    "a length beyond all bounds": b"HTTP/1.1 200 OK\r\ncontent-length: %b\r\n\r\n{}" % (b"9" * 5000),
    "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
    "one length twice": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "a head that is none": b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "a control character": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: a\x00b\r\n\r\n{}",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * 3,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello",
    "only for the meantime": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("said", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_broken_is_an_unknown_outcome(said: bytes, method: str) -> None:
    async def once(_heard: Heard, say: Say) -> None:
        await say(said)

    async with peer(once) as server, client(server.url) as http:
        with pytest.raises(OutcomeUnknown) as caught:
            await http.send(method, "/")
    assert not caught.value.timed_out
    # A new connection that breaks is no stale one: what may have been heard is not said again.
    assert len(server.heard) == 1


PACKED_BADLY = {
    "no gzip": (b"no gzip at all", "gzip"),
    "half of it": (gzip.compress(BODY)[:-20], "gzip"),
    "something after it": (gzip.compress(BODY) + b"more", "gzip"),
    "no deflate": (b"\xff\xff\xff\xff", "deflate"),
    "what was not asked for": (b"...", "br"),
}


@pytest.mark.parametrize(("body", "coding"), PACKED_BADLY.values(), ids=PACKED_BADLY.keys())
async def test_a_broken_content_coding(body: bytes, coding: str) -> None:
    async with peer(ok(body, f"content-encoding: {coding}")) as server, client(server.url) as http:
        with pytest.raises(Malformed):
            await http.send("GET", "/")


async def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_pool, "MAX_BODY_BYTES", 100_000)
    bomb = ok(gzip.compress(bytes(10_000_000)), "content-encoding: gzip")
    async with peer(bomb) as server, client(server.url) as http:
        with pytest.raises(Malformed, match="longer than 100000 bytes"):
            await http.send("GET", "/")


@pytest.mark.parametrize(
    "head", [b"content-length: 2000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n1e8480\r\n"]
)
async def test_a_body_without_end(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_connection, "MAX_BODY_BYTES", 100_000)
    async with peer(b"HTTP/1.1 200 OK\r\n" + head + bytes(2_000_000)) as server, client(server.url) as http:
        with pytest.raises(Malformed, match="longer than 100000 bytes"):
            await http.send("GET", "/")


async def test_a_head_without_end() -> None:
    async def endless(_heard: Heard, say: Say) -> None:
        await say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await say(b"x-more: " + b"a" * 1000 + b"\r\n")

    async with peer(endless) as server, client(server.url) as http:
        with pytest.raises(Malformed, match="head of the answer"):
            await http.send("GET", "/")


async def test_more_than_one_answer_is_no_answer_to_the_next_request() -> None:
    async def twice(heard: Heard, say: Say) -> bool:
        await say(ok(b"first") + ok(b"planted") if heard.line == "GET /a HTTP/1.1" else ok(b"second"))
        return True

    async with peer(twice) as server, client(server.url) as http:
        assert (await http.send("GET", "/a")).body == b"first"
        assert (await http.send("GET", "/b")).body == b"second"
    assert [each.connection for each in server.heard] == [1, 2]
