"""The line of each operation: what is in it, and what never is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.docs.test_docs import rows
from tests.observability.conftest import DOCS, access_lines
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Emulators, Sandbox, serving_over

OF_EVERY_LINE = {"event", "level", "timestamp", "correlation_id"}


def test_one_line_an_operation_and_nothing_personal(
    company: Sandbox, emulators: Emulators, tmp_path: Path
) -> None:
    customer = known_everywhere(company.world)
    document = "query Named($id: ID!) { customer(id: $id) { name email receivables { balance { amount } } } }"
    secret = "who-reads-this-in-a-log"
    with serving_over(emulators.urls, tmp_path, sections={"observability": {"access_log": True}}) as gateway:
        gateway.data(document, {"id": id_of(customer)})
        emulators.clear()
        answer = gateway.http.post(
            f"{gateway.url}/graphql",
            json={"query": document, "variables": {"id": id_of(customer)}},
            headers={"x-correlation-id": "from-the-caller-1"},
        )
        assert answer.json()["data"]["customer"]["email"] == customer.email
        calls = sum(emulators.counts().values())
        gateway.query(f'{{ customer(id: "{secret}") {{ nope }} }}', {"also": secret})
        gateway.query("{ systems { status } }")
        _, second, refused, anonymous = access_lines(gateway)
        log = gateway.errors.read_text()
    assert set(second) == OF_EVERY_LINE | set(rows(DOCS.read_text(), "The log"))
    assert second["correlation_id"] == "from-the-caller-1"
    assert second["kind"] == "query"
    assert second["operation"] == "Named"
    assert second["document"] == hashlib.sha256(document.encode()).hexdigest()
    assert (second["status"], second["codes"]) == ("ok", [])
    assert second["duration_ms"] > 0
    assert second["upstream_calls"] == calls > 0
    assert second["subject"]
    assert (refused["status"], refused["codes"]) == ("refused", ["GRAPHQL_VALIDATION_FAILED"])
    assert (anonymous["operation"], anonymous["upstream_calls"]) == (None, 0)
    for private in (secret, customer.name, customer.email, customer.crm_id, id_of(customer)):
        assert private not in log


def test_what_goes_wrong_is_told_by_code(company: Sandbox, emulators: Emulators, tmp_path: Path) -> None:
    with serving_over(emulators.urls, tmp_path, sections={"observability": {"access_log": True}}) as gateway:
        emulators.arm("salesforce", "error", status=503)
        gateway.query("{ customers(first: 1) { nodes { name } } }")
        (line,) = access_lines(gateway)
    assert line["codes"] == ["SYSTEM_UNAVAILABLE"]
    assert line["status"] == "partial"
