"""Traces, as a collector hears them, and the caller's trace on its way through."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.docs.test_docs import rows
from tests.observability.conftest import DOCS
from tests.scenarios.people import id_of, known_everywhere
from tests.support.proxy import proxy
from tests.support.receiver import Receiver
from tests.support.sandbox import Emulators, Sandbox, serving_over
from tests.support.server import serving

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
DOCUMENT = "query Seen($id: ID!) { customer(id: $id) { name email receivables { balance { amount } } } }"


class Overheard:
    """Keeps the headers of what passes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers.append({name.decode(): value.decode("latin-1") for name, value in scope["headers"]})
        await self.app(scope, receive, send)


def spans_of(collector: Receiver) -> list[Span]:
    spans: list[Span] = []
    for heard in collector.heard:
        body = gzip.decompress(heard.body) if heard.headers.get("content-encoding") == "gzip" else heard.body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                spans += scope.spans
    return spans


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def documented(heading: str) -> set[str]:
    """The attributes of a table of the documentation, which begins after a sentence."""
    section = DOCS.read_text().partition(heading)[2].lstrip("\n")
    table, _, _ = section.partition("\n\n")
    return set(rows(f"## T\n{table}\n", "T"))


@pytest.mark.parametrize("sampled", [True, False])
def test_a_span_for_the_operation_and_one_for_each_call(
    company: Sandbox, emulators: Emulators, tmp_path: Path, sampled: bool
) -> None:
    customer = known_everywhere(company.world)
    collector = Receiver()
    crm = Overheard(proxy(emulators.urls["salesforce"]))
    traceparent = TRACEPARENT if sampled else f"{TRACEPARENT[:-2]}00"
    with serving(collector) as collecting, serving(crm) as between:
        urls = {**emulators.urls, "salesforce": between}
        sections = {
            "observability": {
                "traces_endpoint": f"{collecting}/v1/traces",
                "traces_headers": {"x-collector-key": "the key"},
                "access_log": False,
            }
        }
        with serving_over(urls, tmp_path, sections=sections) as gateway:
            gateway.http.post(
                f"{gateway.url}/graphql",
                json={"query": DOCUMENT, "variables": {"id": id_of(customer)}},
                headers={"traceparent": traceparent, "x-correlation-id": "traced-request"},
            ).raise_for_status()
        # It has ended: what was left was sent.
        spans = [span for span in spans_of(collector) if span.trace_id.hex() == TRACE]
    asked = [
        headers["traceparent"] for headers in crm.headers if headers.get("traceparent", "")[3:35] == TRACE
    ]
    assert asked
    if not sampled:
        assert spans == []
        assert all(header.endswith("-00") for header in asked)
        return
    assert {heard.path for heard in collector.heard} == {"/v1/traces"}
    assert {heard.headers["x-collector-key"] for heard in collector.heard} == {"the key"}
    (operation,) = (span for span in spans if span.parent_span_id.hex() == PARENT)
    calls = [span for span in spans if span is not operation]
    assert operation.name == "query Seen"
    told = attributes(operation)
    assert set(told) == documented("as in `query Customer360`:")
    assert told["fieldgate.upstream_calls"] == len(calls) > 1
    assert told["fieldgate.correlation_id"] == "traced-request"
    assert {span.parent_span_id for span in calls} == {operation.span_id}
    to_crm = [span for span in calls if attributes(span)["fieldgate.connection"] == "salesforce"]
    assert {header[36:52] for header in asked} == {span.span_id.hex() for span in to_crm}
    known = documented("named as in `erp-emea read_many`:")
    for span in calls:
        assert set(attributes(span)) == known - {"error.type"}
    # The token that the first one needed is part of it.
    for read in (span for span in to_crm if attributes(span)["fieldgate.work"] == "read_many"):
        assert attributes(read)["fieldgate.keys"] == 1
        assert attributes(read)["fieldgate.resource"] == "Customer"
        assert attributes(read)["http.response.body.size"] > 0
    text = str(spans)
    for private in (customer.name, customer.email, customer.crm_id, id_of(customer)):
        assert private not in text


def test_what_fails_says_so(company: Sandbox, emulators: Emulators, tmp_path: Path) -> None:
    collector = Receiver()
    emulators.arm("salesforce", "error", status=503)
    with serving(collector) as collecting:
        sections = {"observability": {"traces_endpoint": f"{collecting}/v1/traces", "access_log": False}}
        with serving_over(emulators.urls, tmp_path, sections=sections) as gateway:
            gateway.query("query Seen { customers(first: 1) { nodes { name } } }")
    (operation,) = (span for span in spans_of(collector) if span.name == "query Seen")
    failed = [span for span in spans_of(collector) if span.parent_span_id == operation.span_id]
    assert [attributes(span)["error.type"] for span in failed if "error.type" in attributes(span)]


def test_while_traces_are_off_the_callers_goes_upstream_as_it_came(
    emulators: Emulators, tmp_path: Path
) -> None:
    crm = Overheard(proxy(emulators.urls["salesforce"]))
    malformed = (f"00-{'0' * 32}-{PARENT}-01", "not a trace", f"ff-{TRACE}-{PARENT}-01")
    with (
        serving(crm) as between,
        serving_over({**emulators.urls, "salesforce": between}, tmp_path) as gateway,
    ):

        def passed(given: str, *states: str) -> set[tuple[str, str]]:
            crm.headers.clear()
            gateway.http.post(
                f"{gateway.url}/graphql",
                json={"query": "{ customers(first: 1) { nodes { name } } }"},
                headers=[
                    ("traceparent", given),
                    *(("tracestate", state) for state in states or ("vendor=1",)),
                ],
            ).raise_for_status()
            assert crm.headers
            # The events' own fetching goes on beside it, and belongs to no trace.
            return {
                (headers["traceparent"], headers["tracestate"])
                for headers in crm.headers
                if "traceparent" in headers
            }

        assert passed(TRACEPARENT) == {(TRACEPARENT, "vendor=1")}
        assert [passed(given) for given in malformed] == [set(), set(), set()]
        # Who adds to a trace on its way may send a header of its own: together they are one list.
        assert passed(TRACEPARENT, "vendor=1", "other=2") == {(TRACEPARENT, "vendor=1,other=2")}
