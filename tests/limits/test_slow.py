"""Peers that send slowly, send no end, or read nothing: each is answered or cut, and nobody else notices."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.support.sandbox import Gateway


def opened(gateway: Gateway) -> socket.socket:
    address = urlsplit(gateway.url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def rest(peer: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    answer = b""
    try:
        while chunk := peer.recv(65_536):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer


def refusal(answer: bytes) -> tuple[int, str]:
    """Status and message; every refusal has its code and its correlation id, though no request was read."""
    head, _, body = answer.partition(b"\r\n\r\n")
    (error,) = json.loads(body)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert f"x-correlation-id: {error['extensions']['correlationId']}".encode() in head
    assert b"connection: close" in head
    return int(head.split()[1]), error["message"]


def post(gateway: Gateway) -> bytes:
    """The begin of a request of somebody who is known."""
    return POST + f"authorization: {gateway.http.headers['authorization']}\r\n".encode()


POST = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize("sent", [b"", b"POST /gra", POST + b"x-slow: y"])
def test_a_head_that_does_not_arrive(strict: Gateway, sent: bytes) -> None:
    with opened(strict) as peer:
        peer.sendall(sent)
        assert refusal(rest(peer)) == (408, "The head of the request did not arrive within 0.3 s")


@pytest.mark.parametrize(
    "end", [b"content-length: 100\r\n\r\n{", b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"]
)
def test_a_body_that_does_not_arrive(strict: Gateway, end: bytes) -> None:
    with opened(strict) as peer:
        peer.sendall(post(strict) + end)
        assert refusal(rest(peer)) == (408, "The body of the request did not arrive within 0.3 s")


def test_a_body_that_drips(strict: Gateway) -> None:
    with opened(strict) as peer:
        peer.sendall(post(strict) + b"content-length: 1000000\r\n\r\n")
        # Each byte is sent when the last one has left: the deadline is the body's, not the byte's.
        with pytest.raises(OSError):  # noqa: PT012
            for _ in range(100_000):
                peer.sendall(b" ")
                peer.settimeout(0.05)
                try:
                    answer = peer.recv(65_536)
                except TimeoutError:
                    continue
                finally:
                    peer.settimeout(20)
                assert refusal(answer + rest(peer))[0] == 408
                raise ConnectionResetError


def test_a_body_that_was_answered_before_it_came_is_cut(strict: Gateway) -> None:
    with opened(strict) as peer:
        form = post(strict).replace(b"application/json", b"text/plain")
        peer.sendall(form + b"content-length: 9\r\n\r\n")
        answer = rest(peer)
    assert answer.startswith(b"HTTP/1.1 415")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("whole", [True, False])
def test_a_head_that_is_too_long(strict: Gateway, whole: bool) -> None:
    end = b"\r\n\r\n" if whole else b""
    with opened(strict) as peer:
        peer.sendall(POST + b"x-long: " + b"y" * 5_000 + end)
        assert refusal(rest(peer)) == (431, "The head of the request is longer than 4000 bytes")


def test_many_small_headers_are_a_head_that_is_too_long(strict: Gateway) -> None:
    with opened(strict) as peer:
        peer.sendall(POST + b"".join(b"x-%d: y\r\n" % n for n in range(1_000)) + b"\r\n")
        assert refusal(rest(peer))[0] == 431


def test_what_is_no_http(strict: Gateway) -> None:
    with opened(strict) as peer:
        peer.sendall(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" * 20)
        assert refusal(rest(peer)) == (400, "Invalid HTTP request received.")


def test_an_answer_that_nobody_reads_is_cut(strict: Gateway) -> None:
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        peer.settimeout(20)
        address = urlsplit(strict.url)
        peer.connect((address.hostname, address.port))
        # The schema again and again, on one connection, and not one byte of it read.
        document = "{ __schema { types { name description fields { name description } } } }"
        body = json.dumps({"query": document}).encode()
        request = post(strict) + b"content-length: %d\r\n\r\n%b" % (len(body), body)
        with pytest.raises(ConnectionError):  # noqa: PT012
            while True:
                peer.sendall(request)
    assert strict.data("{ __typename }") == {"__typename": "Query"}


def test_requests_that_arrive_in_time_are_answered(strict: Gateway) -> None:
    body = b'{"query": "{ __typename }"}'
    request = post(strict) + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    with opened(strict) as peer:
        for cut in range(1, len(request), 40):
            peer.sendall(request[:cut])
            peer.sendall(request[cut:])
            answer = b""
            while b'{"data":' not in answer:
                answer += peer.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200")


def test_pipelined_requests_are_answered_in_order(strict: Gateway) -> None:
    names = [f"a{n}" for n in range(5)]
    requests = b""
    for name in names:
        body = json.dumps({"query": f"{{ {name}: __typename }}"}).encode()
        requests += post(strict) + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    with opened(strict) as peer:
        peer.sendall(requests)
        answer = b""
        while b'"a4"' not in answer:
            answer += peer.recv(65_536)
    places = [answer.index(f'"{name}"'.encode()) for name in names]
    assert places == sorted(places)
