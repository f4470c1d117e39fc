"""What `/metrics` says, held against what was asked, what the systems heard, and the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from adapters.contracts.vocabulary import BusinessEventType
from adapters.contracts.writes import Verb
from gateway.observability.state import OPEN_STATUSES
from resolvers.errors import Code
from schema.enums import CommandStatus
from tests.docs.test_docs import rows
from tests.observability.conftest import DOCS, until
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Emulators, Gateway, Sandbox, serving_over

NOT_OURS = ("process_", "python_")
CLOSED: dict[str, set[str]] = {
    "kind": {"query", "mutation", "subscription", "unknown"},
    "outcome": {"ok", "partial", "failed", "refused", "cancelled"},
    "code": {code.value for code in Code},
    "status": {status.value for status in CommandStatus} | {"2xx", "3xx", "4xx", "5xx", "none"},
    "state": {"CLOSED", "OPEN", "HALF_OPEN"},
    "work": {"read_many", "related", "page", "write", "settle", "fetch", "other"},
    "way": {"webhook", "fetch"},
    "type": {each.value for each in BusinessEventType},
    "transport": {"websocket", "sse"},
}


def samples(gateway: Gateway) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = gateway.http.get(f"{gateway.url}/metrics").raise_for_status()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(gateway: Gateway, name: str, **labels: str) -> float:
    return samples(gateway).get((name, tuple(sorted(labels.items()))), 0.0)


def test_operations_are_counted_by_kind_outcome_and_code(company: Sandbox) -> None:
    gateway = company.gateway
    before = samples(gateway)
    gateway.data("query A { customers(first: 1) { nodes { name } } }")
    gateway.query("{ nothing }")
    gateway.query("{ a")
    after = samples(gateway)

    def more(name: str, **labels: str) -> float:
        key = name, tuple(sorted(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    assert more("fieldgate_operations_total", kind="query", outcome="ok") == 1
    assert more("fieldgate_operations_total", kind="query", outcome="refused") == 1
    assert more("fieldgate_operations_total", kind="unknown", outcome="refused") == 1
    assert more("fieldgate_operation_errors_total", kind="query", code="GRAPHQL_VALIDATION_FAILED") == 1
    assert more("fieldgate_operation_errors_total", kind="unknown", code="GRAPHQL_PARSE_FAILED") == 1
    assert more("fieldgate_operation_duration_seconds_count", kind="query") == 2


def test_calls_are_as_many_as_the_systems_heard(company: Sandbox, emulators: Emulators) -> None:
    gateway = company.gateway
    document = "{ customers(first: 3) { nodes { name receivables { balance { amount } } } } }"
    gateway.data(document)
    emulators.clear()
    vendors = ("salesforce", "netsuite")
    before = {vendor: value(gateway, CALLS, connection=vendor, status="2xx") for vendor in vendors}
    gateway.data(document)
    heard = {vendor: len(emulators.calls(vendor)) for vendor in vendors}
    counted = {
        vendor: value(gateway, CALLS, connection=vendor, status="2xx") - before[vendor] for vendor in vendors
    }
    assert counted == heard
    assert all(heard.values())


CALLS = "fieldgate_upstream_calls_total"


def test_a_fault_is_counted_by_code(company: Sandbox, emulators: Emulators) -> None:
    gateway = company.gateway
    labels = {"connection": "stripe", "code": "SYSTEM_THROTTLED", "fault": "Throttled"}
    before = value(gateway, "fieldgate_upstream_faults_total", **labels)
    customer = id_of(known_everywhere(company.world))
    document = f'{{ customer(id: "{customer}") {{ name payments(first: 1) {{ nodes {{ id }} }} }} }}'
    emulators.arm("stripe", "throttle", retry_after_s=30)
    assert gateway.refusal(document)["extensions"]["code"] == "SYSTEM_THROTTLED"
    assert value(gateway, "fieldgate_upstream_faults_total", **labels) > before
    assert value(gateway, "fieldgate_upstream_throttled", connection="stripe") == 1
    assert value(gateway, "fieldgate_operations_total", kind="query", outcome="partial") >= 1


def test_the_circuit_is_told(company: Sandbox, emulators: Emulators, tmp_path: Path) -> None:
    with serving_over(emulators.urls, tmp_path) as gateway:
        emulators.arm("salesforce", "error", status=503)

        def is_open() -> bool:
            gateway.query("{ customers(first: 1) { nodes { name } } }")
            return value(gateway, "fieldgate_upstream_circuit", connection="salesforce", state="OPEN") == 1

        until(is_open)
        assert value(gateway, "fieldgate_upstream_circuit", connection="salesforce", state="CLOSED") == 0


def test_commands_and_events_are_counted(company: Sandbox, emulators: Emulators) -> None:
    gateway = company.gateway
    customer = id_of(known_everywhere(company.world))
    before = value(gateway, "fieldgate_commands_accepted_total", kind="updateCustomer")
    done = gateway.data(
        "mutation ($input: UpdateCustomerInput!) { updateCustomer(input: $input) { command { status } } }",
        {"input": {"id": customer, "phone": "+49 30 1234567"}},
    )
    assert done["updateCustomer"]["command"]["status"] == "SUCCEEDED"
    assert value(gateway, "fieldgate_commands_accepted_total", kind="updateCustomer") == before + 1
    attempts = "fieldgate_command_attempts_total"
    assert value(gateway, attempts, kind="updateCustomer", status="SUCCEEDED") >= 1
    refused = {"connection": "stripe"}
    assert httpx.post(f"{gateway.url}/webhooks/stripe", json={}, trust_env=False).status_code == 401
    assert value(gateway, "fieldgate_event_messages_refused_total", **refused) >= 1


def test_a_command_that_waits_shows(company: Sandbox, emulators: Emulators) -> None:
    emulators.arm("salesforce", "error", status=503)
    customer = id_of(known_everywhere(company.world))
    answered = company.data(
        "mutation ($input: UpdateCustomerInput!) { updateCustomer(input: $input) { command { status } } }",
        {"input": {"id": customer, "phone": "+49 30 7654321"}},
    )
    status = answered["updateCustomer"]["command"]["status"]
    assert status in {each.value for each in OPEN_STATUSES}
    labels = {"kind": "updateCustomer", "status": status}
    assert value(company.gateway, "fieldgate_commands", **labels) >= 1
    assert value(company.gateway, "fieldgate_store_up") == 1


def test_no_label_is_the_callers_and_nothing_personal_shows(company: Sandbox) -> None:
    customer = known_everywhere(company.world)
    gateway = company.gateway
    name = "Chosen0By0A0Caller"
    gateway.query(
        f"query {name} ($id: ID!) {{ {name}: customer(id: $id) {{ name email phone }} }}",
        {"id": id_of(customer)},
    )
    gateway.query(f'{{ customers(filter: {{emails: ["{customer.email}"]}}) {{ nodes {{ id }} }} }}')
    httpx.post(f"{gateway.url}/webhooks/{name}", json={}, trust_env=False)
    httpx.get(f"{gateway.url}/{name}", headers={"user-agent": name}, trust_env=False)
    text = gateway.http.get(f"{gateway.url}/metrics").text
    for private in (name, customer.name, customer.email, customer.crm_id, id_of(customer)):
        assert private not in text
    for family, labels in samples(gateway):
        if family.startswith(NOT_OURS):
            continue
        for label, given in labels:
            if label == "connection":
                assert given in company.emulators.urls, family
            elif label == "kind" and "command" in family:
                assert given in {verb.value for verb in Verb}, family
            elif label in CLOSED:
                assert given in CLOSED[label], (family, label, given)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/plain", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics"),
    ],
)
def test_both_formats(company: Sandbox, accept: str, media: str) -> None:
    answer = company.gateway.http.get(f"{company.gateway.url}/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(media)
    read: Any = parse_openmetrics if "openmetrics" in media else text_string_to_metric_families
    assert "fieldgate_sockets" in {family.name for family in read(answer.text)}


def test_a_token_protects_them(emulators: Emulators, tmp_path: Path) -> None:
    token = "a-token-of-the-scraper"
    sections = {"observability": {"metrics_token": token, "access_log": False}}
    with serving_over(emulators.urls, tmp_path, sections=sections) as gateway:
        for given in ({}, {"authorization": "Bearer another-token-here"}, {"authorization": token}):
            answer = gateway.http.get(f"{gateway.url}/metrics", headers=given)
            assert (answer.status_code, answer.text) == (401, "Unauthorized")
        answer = gateway.http.get(f"{gateway.url}/metrics", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200


def test_they_can_be_switched_off(emulators: Emulators, tmp_path: Path) -> None:
    sections = {"observability": {"metrics": False, "access_log": False}}
    with serving_over(emulators.urls, tmp_path, sections=sections) as gateway:
        assert gateway.http.get(f"{gateway.url}/metrics").status_code == 404


def test_every_metric_is_explained_and_no_other(company: Sandbox) -> None:
    text = company.gateway.http.get(f"{company.gateway.url}/metrics").text
    served: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE fieldgate_"):
            _, _, name, kind = line.split(" ")
            served[name] = kind
    table = rows(DOCS.read_text(), "Metrics")
    assert set(table) == set(served)
    for family, labels in samples(company.gateway):
        name = next((each for each in served if family.startswith(each)), None)
        if name is not None:
            documented = set(table[name][1].replace("`", "").replace(",", "").split())
            assert {label for label, _ in labels} - {"le"} == documented, name
