"""Pages of other origins: those that are allowed get CORS, all others 403, whatever they send."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.limits.conftest import FOREIGN
from tests.support.sandbox import Gateway

QUERY = {"query": "{ __typename }"}
EVIL = "https://evil.example.com"


@pytest.fixture
def http(plain: Gateway) -> Iterator[httpx.Client]:
    headers = {"authorization": plain.http.headers["authorization"]}
    with httpx.Client(base_url=plain.url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


def test_an_allowed_page_asks_and_reads(http: httpx.Client) -> None:
    preflight = http.options(
        "/graphql",
        headers={
            "origin": FOREIGN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == FOREIGN
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "access-control-allow-credentials" not in preflight.headers
    answer = http.post("/graphql", json=QUERY, headers={"origin": FOREIGN, "sec-fetch-site": "cross-site"})
    assert answer.json() == {"data": {"__typename": "Query"}}
    assert answer.headers["access-control-allow-origin"] == FOREIGN
    assert "ratelimit" in answer.headers["access-control-expose-headers"]
    assert "origin" in answer.headers["vary"]
    # Errors of HTTP can be read as well.
    assert (
        http.post("/graphql", headers={"origin": FOREIGN}).headers["access-control-allow-origin"] == FOREIGN
    )


def test_the_gateways_own_pages_ask(http: httpx.Client, plain: Gateway) -> None:
    headers = {"origin": plain.url, "sec-fetch-site": "same-origin"}
    assert http.post("/graphql", json=QUERY, headers=headers).status_code == 200
    assert http.get("/graphql", params=QUERY, headers={"sec-fetch-site": "none"}).status_code == 200


@pytest.mark.parametrize(
    "origin", [EVIL, "null", f"{FOREIGN}.evil.org", "http://crm.example.com", FOREIGN.upper()]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_pages_are_refused(http: httpx.Client, origin: str, method: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = http.request(method, "/graphql", params=QUERY, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_links_and_images_of_other_sites_are_refused(http: httpx.Client, site: str) -> None:
    # Browsers send no Origin with these, and no preflight comes before them.
    answer = http.get(
        "/graphql", params=QUERY, headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", None]
)
def test_what_a_form_can_send_is_no_request(http: httpx.Client, media: str | None) -> None:
    headers = {} if media is None else {"content-type": media}
    answer = http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert answer.status_code == 415
