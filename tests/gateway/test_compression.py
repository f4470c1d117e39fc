"""Answers are compressed for callers who accept it, where it is worth while, and streams never are."""

from __future__ import annotations

import gzip

import httpx
import pytest

from gateway.transport.compression import accepts_gzip
from tests.support.sandbox import Sandbox

LONG = {"query": "{ __schema { types { name description } } }"}


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True), ("GZIP, br", True), ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("*", True),
        ("deflate, x-gzip", True), ("", False), ("identity", False), ("gzip;q=0", False),
        ("gzip; q=0.000", False), ("gzip;q=0, *", False), ("*;q=0", False), ("br, zstd", False),
    ],
)  # fmt: skip
def test_who_accepts_gzip(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_a_long_answer_is_compressed_for_who_accepts_it(company: Sandbox) -> None:
    url = f"{company.gateway.url}/graphql"
    with httpx.Client(trust_env=False, timeout=60) as http:
        plain = http.post(url, json=LONG, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        with http.stream("POST", url, json=LONG, headers={"accept-encoding": "gzip"}) as packed:
            raw = b"".join(packed.iter_raw())
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) == len(raw) < len(plain.content) / 2
        assert gzip.decompress(raw) == plain.content
        assert "accept-encoding" in packed.headers["vary"]
        short = http.post(url, json={"query": "{ __typename }"}, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in short.headers
