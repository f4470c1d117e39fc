"""What is sent: as httpx would have sent it, and nothing that a caller could smuggle in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contracts.errors import Rejected, Unreachable
from adapters.http import HttpClient, Params, StaticHeaders
from adapters.wire.address import parse_base
from adapters.wire.request import encode_form
from tests.adapters.wire.peer import Heard, Say, ok, peer

pytestmark = pytest.mark.anyio


@given(st.lists(st.tuples(st.text(), st.text())))
def test_pairs_are_encoded_as_the_standard_library_does(pairs: list[tuple[str, str]]) -> None:
    clean = [(name, value) for name, value in pairs if (name + value).isprintable()]
    assert encode_form(clean) == urlencode(clean)


TARGETS: list[tuple[str, str, Params | None]] = [
    ("", "/things", None),
    ("/v2", "/things", [("ids", "a,b,c"), ("q", "x y&z=1/2?#%+~")]),
    ("/v2/", "/a b/é", None),
    ("", "/things/%2Fescaped%20already", None),
    ("", "/things('1')/x;y=1,2@3:4", None),
    ("/v2", "/services?script=12&deploy=1", None),
]


@pytest.mark.parametrize(("prefix", "path", "params"), TARGETS)
async def test_the_request_line_is_as_httpx_writes_it(prefix: str, path: str, params: Params | None) -> None:
    async with peer(ok()) as server:
        async with httpx.AsyncClient(base_url=server.url + prefix, trust_env=False) as oracle:
            await oracle.get(path, params=list(params) if params else None)
        http = HttpClient(server.url + prefix)
        await http.send("GET", path, params=params)
        await http.aclose()
    expected, sent = server.heard
    assert sent.line == expected.line
    assert sent.header("host") == expected.header("host")
    assert "gzip" in (sent.header("accept-encoding") or "")


async def test_parameters_join_those_of_the_path() -> None:
    async with peer(ok()) as server:
        http = HttpClient(server.url)
        await http.send("GET", "/services?script=12", params=[("a", "1")])
        await http.aclose()
    assert server.heard[0].line == "GET /services?script=12&a=1 HTTP/1.1"


async def test_a_whole_url_goes_to_its_own_address() -> None:
    async with peer(ok(b"here")) as first, peer(ok(b"there")) as second:
        http = HttpClient(
            first.url.replace("//", "//user:p%40ss@"),
            authenticator=StaticHeaders({"x-key": "k"}),
            headers={"x-own": "1"},
        )
        assert (await http.send("POST", f"{second.url}/app/x.nl?script=1", json={"a": 1})).body == b"there"
        assert (await http.send("GET", "/x")).body == b"here"
        await http.aclose()
    (heard,) = second.heard
    assert heard.line == "POST /app/x.nl?script=1 HTTP/1.1"
    assert heard.header("host") == second.url.removeprefix("http://")
    assert (heard.header("x-key"), heard.header("x-own"), heard.body) == ("k", "1", b'{"a":1}')
    # Credentials that stand in the base URL are for that address alone.
    assert heard.header("authorization") is None
    assert first.heard[0].header("authorization") == "Basic dXNlcjpwQHNz"


async def test_a_header_of_the_request_takes_the_place_of_the_client_s_own() -> None:
    async with peer(ok()) as server:
        http = HttpClient(server.url, headers={"Accept": "application/vnd.x+json", "X-Fixed": "1"})
        await http.send("GET", "/", headers={"x-fixed": "2"})
        await http.send("GET", "/")
        await http.aclose()
    assert [each.header("x-fixed") for each in server.heard] == ["2", "1"]
    for each in server.heard:
        assert each.header("accept") == "application/vnd.x+json"
        names = [line.split(":")[0].lower() for line in each.head.split("\r\n")[1:]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_an_empty_body_is_said_to_be_empty(method: str) -> None:
    async with peer(ok()) as server:
        http = HttpClient(server.url)
        await http.send(method, "/")
        await http.aclose()
    assert server.heard[0].header("content-length") == "0"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-key": "a\r\nx-planted: 1"},
        {"x-key": "a\nx-planted: 1"},
        {"x-key": "a\rb"},
        {"x-key": "a\0b"},
        {"x-key: 1\r\nx-planted": "1"},
        {"x key": "1"},
        {"": "1"},
        {"x-key": "\N{SNOWMAN}"},
    ],
)
async def test_nothing_ends_a_line(headers: Mapping[str, str]) -> None:
    async with peer(ok()) as server:
        http = HttpClient(server.url)
        with pytest.raises(Rejected) as caught:
            await http.send("GET", "/", headers=headers)
        assert "planted" not in caught.value.message
        assert (await http.send("GET", "/a\r\nx-planted: 1 HTTP/1.1\r\n\r\nGET /b")).status == 200
        with pytest.raises(Rejected):
            await http.send("GET / HTTP/1.1\r\nx-planted: 1\r\n\r\nGET", "/")
        await http.aclose()
    (heard,) = server.heard
    assert heard.header("x-planted") is None
    assert "/b" in heard.line


async def test_an_answer_before_all_was_heard() -> None:
    async def refuse(heard: Heard, say: Say) -> bool:
        await say(ok(b"{}"))
        return True

    async with peer(refuse) as server:
        http = HttpClient(server.url)
        assert (await http.send("POST", "/", json={"a": "x" * 3_000_000})).status == 200
        await http.aclose()
    assert len(server.heard[0].body) == 3_000_008


@pytest.mark.parametrize("url", ["ftp://host/", "http:///path", "host:80", "http://host:port/"])
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(ValueError):
        parse_base(url)


def test_the_parts_of_a_base_url() -> None:
    base = parse_base("https://[::1]:8443/api/v2/")
    assert (base.address.host, base.address.port, base.address.tls, base.path) == (
        "::1",
        8443,
        True,
        "/api/v2",
    )
    assert base.address.authority == "[::1]:8443"
    assert parse_base("https://bücher.example").address.authority == "xn--bcher-kva.example"
    assert parse_base("http://host:80").address.authority == "host"


async def test_a_name_that_no_host_can_have() -> None:
    http = HttpClient(f"http://{'a' * 70}.example")
    with pytest.raises(Unreachable):
        await http.send("GET", "/")
    await http.aclose()
