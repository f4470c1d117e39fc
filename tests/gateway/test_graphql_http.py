"""GraphQL over HTTP, asked of the running gateway (https://graphql.github.io/graphql-over-http/draft/)."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.auth.authenticator import Authenticator
from gateway.auth.development import Development
from gateway.limits.settings import LimitSettings
from gateway.policy.engine import Policy
from gateway.transport.drain import Drain
from gateway.transport.fanout import Fanout
from gateway.transport.front import Front
from gateway.transport.graphql_http import GraphQLEndpoint
from gateway.transport.operation import Operations
from gateway.transport.origins import Origins
from resolvers.errors import Code
from resolvers.graph import build_graph
from tests.support.sandbox import Sandbox
from tests.support.server import serving

MODERN = "application/graphql-response+json"
PLAIN = "application/json"
PATH = "/graphql"
TYPENAME = {"query": "{ __typename }"}
CODES = {code.value for code in Code}
FIRST = "query ($first: Int!) { customers(first: $first) { nodes { id } } }"
SINCE = "query ($since: DateTime) { customers(filter: {updatedSince: $since}) { nodes { id } } }"
FILTERED = "query ($filter: CustomerFilter) { customers(filter: $filter) { nodes { id } } }"


@pytest.fixture(scope="module")
def http(company: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=company.gateway.url, trust_env=False, timeout=30) as client:
        yield client


def media_type(answer: httpx.Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


def the_error(answer: httpx.Response, code: Code) -> dict[str, Any]:
    """The one error of a request that was not executed, in the shape every error has."""
    body = answer.json()
    assert list(body) == ["errors"], body
    (error,) = body["errors"]
    extensions = error["extensions"]
    assert set(extensions) == {"code", "system", "retryable", "correlationId"}
    assert extensions["correlationId"] == answer.headers["x-correlation-id"]
    assert (extensions["code"], extensions["system"], extensions["retryable"]) == (code.value, None, False)
    assert len(error["message"]) < 600
    return error


# Media types


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, PLAIN),
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/*", PLAIN),
        (PLAIN, PLAIN),
        (MODERN, MODERN),
        (MODERN.upper(), MODERN),
        (f"{MODERN}, {PLAIN};q=0.9", MODERN),
        (f"{PLAIN};q=0.5, {MODERN};q=0.4", PLAIN),
        (f"{MODERN};q=0.1, */*;q=0.9", PLAIN),
        (f"{PLAIN};q=0, */*", MODERN),
        (f"{MODERN};charset=utf-8, {PLAIN};charset=utf-8", MODERN),
        (f"text/event-stream, {MODERN}, multipart/mixed, {PLAIN}", MODERN),
        ("text/html, */*;q=0.1", PLAIN),
    ],
)
def test_answers_in_the_media_type_the_caller_prefers(
    http: httpx.Client, accept: str | None, media: str
) -> None:
    request = http.build_request("POST", PATH, json=TYPENAME)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    answer = http.send(request)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}


def test_accept_may_be_several_headers(url: str) -> None:
    headers = [("accept", "text/html"), ("accept", MODERN)]
    assert media_type(httpx.post(url, json=TYPENAME, headers=headers, trust_env=False)) == MODERN


@pytest.mark.parametrize("accept", ["text/html", f"{PLAIN};q=0", f"{PLAIN};q=nan", "application/*;q=0, */*"])
def test_not_acceptable(http: httpx.Client, accept: str) -> None:
    answer = http.post(PATH, json=TYPENAME, headers={"accept": accept})
    assert answer.status_code == 406
    the_error(answer, Code.BAD_USER_INPUT)


@pytest.mark.parametrize(
    "content_type",
    [PLAIN, "Application/JSON", f"{PLAIN}; charset=utf-8", f'{PLAIN};CHARSET="UTF-8"', f"{PLAIN}; x=1"],
)
def test_a_body_is_json_in_utf8(http: httpx.Client, content_type: str) -> None:
    query = '{ __type(name: "Æther 🏃") { name } }'
    body = json.dumps({"query": query}, ensure_ascii=False).encode()
    answer = http.post(PATH, content=body, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()) == (200, {"data": {"__type": None}})


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": f"{PLAIN}; charset=utf-16"},
        {"content-type": f"{PLAIN}; x=1; charset=latin1"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=b"},
        {"content-type": "application/graphql"},
        {"content-type": "application/jsonp"},
        {"content-type": f"{PLAIN}, text/plain"},
        {"content-type": PLAIN, "content-encoding": "gzip"},
        {},
    ],
)
def test_no_other_body_is_taken(http: httpx.Client, headers: dict[str, str]) -> None:
    answer = http.post(PATH, content=json.dumps(TYPENAME).encode(), headers=headers)
    assert answer.status_code == 415
    the_error(answer, Code.BAD_USER_INPUT)


# Bodies that are no request


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"query": "{', id="cut"),
        pytest.param(b'{"query": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"query": "\\ud800"}', id="lone surrogate"),
        pytest.param(json.dumps(TYPENAME).encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"query": "{ __typename }"}', id="byte order mark"),
        pytest.param(b"[" * 100_000, id="deep list"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, id="deep object"),
        pytest.param(b'{"query": "{ __typename }", "variables": {"a": %s}}' % (b"9" * 10_000), id="integer"),
        pytest.param(b'{"query": "{ __typename }", "variables": {"a": 1e400}}', id="infinite"),
        pytest.param(b'{"query": "{ __typename }", "variables": {"a": NaN}}', id="NaN"),
        pytest.param(b"1", id="number"),
        pytest.param(b'"{ __typename }"', id="string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'[{"query": "{ __typename }"}]', id="batch"),
        pytest.param(b"{}", id="no query"),
        pytest.param(b'{"query": null}', id="null query"),
        pytest.param(b'{"query": ""}', id="empty query"),
        pytest.param(b'{"query": 1}', id="number for query"),
        pytest.param(b'{"query": {"a": 1}}', id="object for query"),
        pytest.param(b'{"query": "{ __typename }", "variables": []}', id="list for variables"),
        pytest.param(b'{"query": "{ __typename }", "variables": "{}"}', id="text for variables"),
        pytest.param(b'{"query": "{ __typename }", "operationName": 1}', id="number for operationName"),
        pytest.param(b'{"query": "{ __typename }", "extensions": 0}', id="number for extensions"),
    ],
)
@pytest.mark.parametrize("accept", [PLAIN, MODERN])
def test_what_is_no_request_is_400_in_both_media_types(http: httpx.Client, body: bytes, accept: str) -> None:
    answer = http.post(PATH, content=body, headers={"content-type": PLAIN, "accept": accept})
    assert (answer.status_code, media_type(answer)) == (400, accept)
    the_error(answer, Code.BAD_USER_INPUT)


def test_a_body_that_is_too_long(http: httpx.Client) -> None:
    body = json.dumps(
        {"query": "{ __typename }", "extensions": {"pad": "x" * LimitSettings().body_bytes}}
    ).encode()
    answer = http.post(PATH, content=body, headers={"content-type": PLAIN})
    assert answer.status_code == 413
    the_error(answer, Code.BAD_USER_INPUT)


def test_a_body_in_pieces_without_a_length(http: httpx.Client) -> None:
    pieces = [b'{"query": ', b'"{ __type', b'name }"}']
    answer = http.post(PATH, content=iter(pieces), headers={"content-type": PLAIN})
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("optional", ["variables", "operationName", "extensions"])
def test_null_is_as_good_as_absent(http: httpx.Client, optional: str) -> None:
    assert http.post(PATH, json={**TYPENAME, optional: None}).json() == {"data": {"__typename": "Query"}}


# Requests that cannot be executed

REFUSED = [
    pytest.param({"query": "{"}, Code.GRAPHQL_PARSE_FAILED, id="syntax"),
    pytest.param({"query": "{ __typename }\0"}, Code.GRAPHQL_PARSE_FAILED, id="NUL"),
    pytest.param({"query": "{ a " * 3000}, Code.GRAPHQL_PARSE_FAILED, id="deep selection"),
    pytest.param(
        {"query": "{ customers(first: " + "[" * 3000 + "]" * 3000 + ") { nodes { id } } }"},
        Code.GRAPHQL_PARSE_FAILED,
        id="deep literal",
    ),
    pytest.param({"query": "{ nothing }"}, Code.GRAPHQL_VALIDATION_FAILED, id="unknown field"),
    pytest.param({"query": "{ __typename @nope }"}, Code.GRAPHQL_VALIDATION_FAILED, id="directive"),
    pytest.param({"query": '{ __typename @skip(if: "x") }'}, Code.GRAPHQL_VALIDATION_FAILED, id="literal"),
    pytest.param(
        {"query": "{ customers(first: %s) { nodes { id } } }" % ("9" * 10_000)},
        Code.GRAPHQL_VALIDATION_FAILED,
        id="10,000 digits in the document",
    ),
    pytest.param(
        {"query": "fragment f on Query { __typename }"}, Code.GRAPHQL_VALIDATION_FAILED, id="no operation"
    ),
    pytest.param(
        {"query": "query A { __typename }", "operationName": "B"},
        Code.GRAPHQL_VALIDATION_FAILED,
        id="unknown operation",
    ),
    pytest.param(
        {"query": "query A { __typename } query B { __typename }"},
        Code.GRAPHQL_VALIDATION_FAILED,
        id="which operation",
    ),
    pytest.param({"query": "subscription { customerStatus { id } }"}, Code.BAD_USER_INPUT, id="subscription"),
    pytest.param({"query": FIRST}, Code.BAD_USER_INPUT, id="variable missing"),
    pytest.param({"query": FIRST, "variables": {"first": None}}, Code.BAD_USER_INPUT, id="variable null"),
    pytest.param({"query": FIRST, "variables": {"first": "1"}}, Code.BAD_USER_INPUT, id="variable text"),
    pytest.param({"query": FIRST, "variables": {"first": 1.5}}, Code.BAD_USER_INPUT, id="variable fraction"),
    pytest.param({"query": FIRST, "variables": {"first": 2**40}}, Code.BAD_USER_INPUT, id="variable wide"),
    pytest.param({"query": FIRST, "variables": {"first": True}}, Code.BAD_USER_INPUT, id="variable boolean"),
    pytest.param({"query": SINCE, "variables": {"since": "noon"}}, Code.BAD_USER_INPUT, id="variable scalar"),
    pytest.param(
        {"query": FILTERED, "variables": {"filter": {"nope": 1}}}, Code.BAD_USER_INPUT, id="variable key"
    ),
    pytest.param(
        {"query": FILTERED, "variables": {"filter": {"status": ["X" * 50_000]}}},
        Code.BAD_USER_INPUT,
        id="variable enum",
    ),
]


@pytest.mark.parametrize(("request_body", "code"), REFUSED)
@pytest.mark.parametrize(("accept", "status"), [(MODERN, 400), (PLAIN, 200)])
def test_a_request_that_cannot_be_executed(
    http: httpx.Client, request_body: dict[str, Any], code: Code, accept: str, status: int
) -> None:
    answer = http.post(PATH, json=request_body, headers={"accept": accept})
    assert (answer.status_code, media_type(answer)) == (status, accept)
    error = the_error(answer, code)
    assert "sys." not in error["message"]


def test_the_operation_that_is_named_runs(http: httpx.Client) -> None:
    document = "query A { a: __typename } query B { b: __typename }"
    answer = http.post(PATH, json={"query": document, "operationName": "B"})
    assert answer.json() == {"data": {"b": "Query"}}


def test_a_field_may_be_called_like_an_operation(http: httpx.Client) -> None:
    document = 'query One { subscription(id: "x") { id } } # query mutation'
    (error,) = http.post(PATH, json={"query": document}).json()["errors"]
    assert error["path"] == ["subscription"]


@pytest.mark.parametrize("accept", [MODERN, PLAIN])
def test_an_error_of_a_field_is_200_with_its_path(http: httpx.Client, accept: str) -> None:
    document = '{ node(id: "x") { id } t: __typename }'
    answer = http.post(PATH, json={"query": document}, headers={"accept": accept})
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == {"node": None, "t": "Query"}
    (error,) = body["errors"]
    assert error["path"] == ["node"]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"] == {
        "code": Code.BAD_USER_INPUT.value,
        "system": None,
        "retryable": False,
        "correlationId": answer.headers["x-correlation-id"],
    }


def test_many_mistakes_at_once_all_have_a_code(http: httpx.Client) -> None:
    body = http.post(PATH, json={"query": "{ " + " ".join(f"f{n}" for n in range(500)) + " }"}).json()
    assert 1 < len(body["errors"]) < 200
    assert {error["extensions"]["code"] for error in body["errors"]} <= CODES


# GET and other methods


def test_get_asks_queries(http: httpx.Client) -> None:
    query = "query T($name: String!) { __type(name: $name) { name } } query Other { __typename }"
    parameters = {
        "query": query,
        "operationName": "T",
        "variables": '{"name": "Customer"}',
        "extensions": "{}",
    }
    answer = http.get(PATH, params=parameters)
    assert answer.json() == {"data": {"__type": {"name": "Customer"}}}


def test_empty_parameters_are_as_good_as_absent(http: httpx.Client) -> None:
    answer = http.get(PATH, params={**TYPENAME, "operationName": "", "variables": "", "extensions": ""})
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {**TYPENAME, "variables": "{"},
        {**TYPENAME, "variables": "[]"},
        {**TYPENAME, "variables": "[" * 3000},
        {**TYPENAME, "extensions": "1"},
    ],
)
def test_get_without_a_request(http: httpx.Client, parameters: dict[str, str]) -> None:
    answer = http.get(PATH, params=parameters)
    assert answer.status_code == 400
    the_error(answer, Code.BAD_USER_INPUT)


@pytest.mark.parametrize("accept", [MODERN, PLAIN])
@pytest.mark.parametrize(
    "parameters",
    [
        {"query": "mutation { __typename }"},
        {"query": "query Q { __typename } mutation M { __typename }", "operationName": "M"},
    ],
)
def test_a_mutation_by_get_is_refused(http: httpx.Client, parameters: dict[str, str], accept: str) -> None:
    answer = http.get(PATH, params=parameters, headers={"accept": accept})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    the_error(answer, Code.BAD_USER_INPUT)


def test_a_subscription_is_no_get(http: httpx.Client) -> None:
    answer = http.get(PATH, params={"query": "subscription { __typename }"}, headers={"accept": MODERN})
    assert answer.status_code == 400
    the_error(answer, Code.BAD_USER_INPUT)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods(http: httpx.Client, method: str) -> None:
    answer = http.request(method, PATH, json=TYPENAME)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.headers["x-correlation-id"]
    if method != "HEAD":
        the_error(answer, Code.BAD_USER_INPUT)


# Headers


@pytest.mark.parametrize("given", ["abcdefgh", "Trace-1.2:3_4", "a" * 128])
def test_a_well_formed_correlation_id_is_kept(http: httpx.Client, given: str) -> None:
    answer = http.post(PATH, json={"query": "{ x }"}, headers={"x-correlation-id": given})
    assert answer.headers.get_list("x-correlation-id") == [given]
    the_error(answer, Code.GRAPHQL_VALIDATION_FAILED)


@pytest.mark.parametrize("given", [None, "", "short", "a" * 129, "with space", 'quote"quote', "ünicode-id"])
def test_an_ill_formed_correlation_id_is_replaced(http: httpx.Client, given: str | None) -> None:
    headers = {} if given is None else {"x-correlation-id": given.encode()}
    made = http.post(PATH, json=TYPENAME, headers=headers).headers["x-correlation-id"]  # type: ignore[arg-type]
    assert uuid.UUID(made).hex == made


def test_answers_are_kept_by_nobody(http: httpx.Client) -> None:
    headers = http.post(PATH, json=TYPENAME).headers
    assert (headers["cache-control"], headers["vary"]) == ("no-store", "accept, accept-encoding, origin")
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


# What nobody foresaw


def test_the_unforeseen_is_internal_and_says_nothing() -> None:
    def explode(*_: Any) -> Any:
        raise RuntimeError("the password is hunter2")

    drain = Drain()
    endpoint = GraphQLEndpoint(Operations(build_graph(), explode), Fanout(explode), drain)
    anybody = Authenticator(development=Development(Policy()))
    with serving(Front(endpoint, anybody, Origins(), drain)) as base_url:
        answer = httpx.post(base_url, json=TYPENAME, trust_env=False)
    assert answer.status_code == 500
    the_error(answer, Code.INTERNAL)
    assert "hunter2" not in answer.text


def test_the_log_keeps_no_document_of_a_caller(company: Sandbox, http: httpx.Client) -> None:
    http.post(PATH, json={"query": '{ customerBy(lookup: {email: "secret.person@example.com"}) { nope } }'})
    http.post(PATH, json={"query": '{ node(id: "secret.person@example.com") { id } }'})
    log = company.gateway.errors.read_text()
    assert "secret.person" not in log
    assert all(isinstance(json.loads(line), dict) for line in log.splitlines())


# The audit of others


@pytest.fixture(scope="session")
def audit_packages() -> Path:
    """The folder with npm's graphql-http, installed once into the cache; skips without Node or npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no Node.js and npm: graphql-http's audit did not run")
    folder = Path(__file__).parents[2] / ".cache" / "node" / "graphql-http"
    if not (folder / "node_modules" / "graphql-http" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = [npm, "install", "--no-audit", "--no-fund", "graphql-http@1.23.1", "graphql@16"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install graphql-http: {done.stderr.strip()[-300:]}")
    return folder


def test_every_audit_of_graphql_http_passes(audit_packages: Path, url: str) -> None:
    script = Path(__file__).parent / "graphql_http_audit.mjs"
    done = subprocess.run(
        ["node", str(script), str(audit_packages), url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    audits = json.loads(done.stdout)
    assert len(audits) >= 61
    assert [audit for audit in audits if audit["status"] != "ok"] == []
