"""More connections than there is room for: told so, or cut off, while all others are served."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gateway.transport.room import RETRY_AFTER_S, WAITING
from tests.support.sandbox import Gateway, Sandbox, serving_over

TOTAL, PER_ADDRESS = 6, 4
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
"""Two addresses of this machine: all of 127.0.0.0/8 is."""


@pytest.fixture(scope="module")
def narrow(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with room for few."""
    limits = {"connections": TOTAL, "connections_per_address": PER_ADDRESS, "head_s": 20}
    folder = tmp_path_factory.mktemp("narrow")
    with serving_over(company.emulators.urls, folder, sections={"limits": limits}) as running:
        yield running


@pytest.fixture
def peers() -> Iterator[contextlib.ExitStack]:
    """Whoever is opened here is closed at the end."""
    with contextlib.ExitStack() as stack:
        yield stack


def opened(peers: contextlib.ExitStack, gateway: Gateway, host: str = HERE) -> socket.socket:
    address = urlsplit(gateway.url)
    return peers.enter_context(
        socket.create_connection((address.hostname, address.port), timeout=20, source_address=(host, 0))
    )


def asked(peer: socket.socket, path: str = "/health/live") -> tuple[int, str, bytes]:
    """Status, head and body of an answer; the connection stays open where the gateway lets it."""
    peer.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += peer.recv(65_536) or pytest.fail("closed without an answer")
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < length:
        body += peer.recv(65_536)
    return int(head.split()[1]), head.decode(), body


def seated(peers: contextlib.ExitStack, gateway: Gateway, host: str) -> socket.socket:
    """A connection that found room: the gateway learns of the end of others a moment after it."""
    for _ in range(1_000):
        peer = opened(peers, gateway, host)
        if not is_refused(peer):
            return peer
    raise AssertionError("there is no room")


def filled(peers: contextlib.ExitStack, gateway: Gateway) -> list[socket.socket]:
    """All the room there is, taken by idle connections that were answered once."""
    hosts = [HERE] * PER_ADDRESS + [ELSEWHERE] * (TOTAL - PER_ADDRESS)
    return [seated(peers, gateway, host) for host in hosts]


def is_refused(peer: socket.socket, path: str = "/welcome") -> bool:
    status, head, body = asked(peer, path)
    if status == 200:
        return False
    (error,) = json.loads(body)["errors"]
    assert (status, error["extensions"]["code"]) == (503, "RATE_LIMITED")
    assert f"retry-after: {RETRY_AFTER_S}\r\n" in head
    assert "connection: close" in head
    assert peer.recv(1) == b""
    return True


def test_who_comes_when_all_places_are_taken_is_told_so(narrow: Gateway, peers: contextlib.ExitStack) -> None:
    taken = filled(peers, narrow)
    assert is_refused(opened(peers, narrow, "127.0.0.3"))
    # Those who are inside are served as ever.
    assert [asked(each, "/welcome")[0] for each in taken] == [200] * TOTAL
    taken[0].close()
    seated(peers, narrow, "127.0.0.3")


def test_whoever_watches_the_process_is_answered_all_the_same(
    narrow: Gateway, peers: contextlib.ExitStack
) -> None:
    filled(peers, narrow)
    watching = opened(peers, narrow, "127.0.0.3")
    assert [asked(watching, path)[0] for path in ("/health/live", "/health/ready")] == [200, 200]
    assert is_refused(watching)


def test_one_address_takes_no_more_than_its_share(narrow: Gateway, peers: contextlib.ExitStack) -> None:
    taken = [seated(peers, narrow, HERE) for _ in range(PER_ADDRESS)]
    assert is_refused(opened(peers, narrow))
    seated(peers, narrow, ELSEWHERE)
    taken.pop().close()
    seated(peers, narrow, HERE)


def test_websockets_hold_their_places(narrow: Gateway, peers: contextlib.ExitStack) -> None:
    def joined() -> ClientConnection:
        return peers.enter_context(
            connect(
                f"ws{narrow.url.removeprefix('http')}/graphql",
                subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
                proxy=None,
            )
        )

    places = [seated(peers, narrow, HERE) for _ in range(PER_ADDRESS)]
    sockets: list[ClientConnection] = []
    while places:
        places.pop().close()
        # Its place is free once the gateway has learned of it.
        while True:
            with contextlib.suppress(InvalidStatus):
                sockets.append(joined())
                break
    with pytest.raises(InvalidStatus) as refused:
        joined()
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["retry-after"] == str(RETRY_AFTER_S)
    assert is_refused(opened(peers, narrow))
    sockets.pop().close()
    seated(peers, narrow, HERE)


def test_a_flood_of_connections_is_cut_off(narrow: Gateway, peers: contextlib.ExitStack) -> None:
    taken = filled(peers, narrow)
    before = refusals(taken[0])
    waiting = [opened(peers, narrow) for _ in range(WAITING)]
    flood = [opened(peers, narrow) for _ in range(50)]
    for peer in flood:
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(1) == b""
    # Those before it still wait to be told.
    assert is_refused(waiting[0])
    counted = refusals(taken[0])
    assert counted["told"] - before["told"] == 1
    assert counted["cut"] - before["cut"] >= len(flood)


def refusals(peer: socket.socket) -> dict[str, float]:
    """The gateway's own count."""
    _, _, body = asked(peer, "/metrics")
    found = re.findall(r'fieldgate_connections_refused_total\{outcome="(\w+)"\} (\S+)', body.decode())
    return {"told": 0.0, "cut": 0.0} | {name: float(count) for name, count in found}
