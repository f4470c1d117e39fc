"""Calls through a proxy, a real one: what is sent, what comes back, what each failure is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.contracts.errors import Malformed, OutcomeUnknown, Unreachable
from adapters.http import HttpClient
from adapters.proxied import Proxied
from tests.support.sandbox import closed_port
from tests.support.server import serving

pytestmark = pytest.mark.anyio

USER = "fieldgate:a-secret"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A proxy that wants credentials; its address, without them."""
    port_file = tmp_path_factory.mktemp("proxy") / "port"
    command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0", "--num-workers", "1"]
    process = subprocess.Popen(
        [*command, "--num-acceptors", "1", "--port-file", str(port_file), "--basic-auth", USER],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"127.0.0.1:{_written(port_file, process)}"
    finally:
        process.terminate()
        process.wait(10)


def _written(file: Path, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if file.exists() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the proxy did not start")


async def _echo(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    request = Request(scope, receive)
    if request.url.path == "/long":
        response: Response = Response(b" " * 1001, media_type="application/json")
    elif request.url.path == "/broken":
        response = Response(b"not gzip", headers={"content-encoding": "gzip"}, media_type="application/json")
    else:
        response = JSONResponse(
            {
                "method": request.method,
                "target": f"{request.url.path}?{request.url.query}",
                "headers": dict(request.headers),
                "body": (await request.body()).decode(),
            },
            status_code=418,
        )
    await response(scope, receive, send)


@pytest.fixture(scope="module")
def system() -> Iterator[str]:
    with serving(_echo) as base_url:
        yield base_url


async def test_a_call_goes_through_the_proxy_as_it_would_without(proxy: str, system: str) -> None:
    seen = []
    for way in (f"http://{USER}@{proxy}", None):
        client = HttpClient(f"{system}/api", headers={"x-own": "1"}, proxy=way)
        response = await client.send(
            "POST", "/things", params=[("id[in]", '["a b"]')], headers={"x-key": "k"}, json={"a": 1}
        )
        await client.aclose()
        answer = response.json()
        seen.append((response.status, answer["method"], answer["target"], answer["body"]))
        assert answer["headers"]["host"] == system.removeprefix("http://")
        assert (answer["headers"]["x-own"], answer["headers"]["x-key"]) == ("1", "k")
        # Whether it came through the proxy is told by the header that a proxy has to add (RFC 9110, 7.6.3).
        assert ("via" in answer["headers"]) is (way is not None)
        assert "proxy-authorization" not in answer["headers"]
    assert seen[0] == seen[1]


async def test_a_proxy_that_refuses_a_tunnel_leaves_the_system_unreached(proxy: str) -> None:
    client = HttpClient("https://erp.invalid", proxy=f"http://nobody:wrong@{proxy}")
    with pytest.raises(Unreachable, match="proxy"):
        await client.send("GET", "/")
    await client.aclose()


async def test_where_no_proxy_listens_nothing_was_sent(system: str) -> None:
    with closed_port() as nobody:
        client = HttpClient(system, proxy=nobody)
        with pytest.raises(Unreachable):
            await client.send("GET", "/")
        await client.aclose()


async def test_answers_beyond_the_limits_and_in_a_broken_coding(proxy: str, system: str) -> None:
    way = Proxied(f"http://{USER}@{proxy}", timeout_s=60, max_connections=1, max_body_bytes=1000)
    with pytest.raises(Malformed, match="longer"):
        await way.request("GET", f"{system}/long", {}, None)
    with pytest.raises(Malformed, match="coding"):
        await way.request("GET", f"{system}/broken", {}, None)
    await way.aclose()


async def test_an_answer_that_does_not_come_in_time(proxy: str) -> None:
    async def silent(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        while (await receive())["type"] != "http.disconnect":
            pass

    with serving(silent) as base_url:
        client = HttpClient(base_url, proxy=f"http://{USER}@{proxy}", timeout_s=0.3)
        with pytest.raises(OutcomeUnknown) as late:
            await client.send("GET", "/")
        assert late.value.timed_out
        await client.aclose()
