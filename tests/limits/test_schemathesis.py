"""schemathesis asks the live schema whatever its types allow: no 5xx, no unmasked error, all answered."""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from resolvers.errors import Code
from tests.support.sandbox import Gateway

EXAMPLES = int(os.environ.get("FIELDGATE_SCHEMATHESIS_EXAMPLES", "60"))
"""Questions in all; a soak asks more."""

CODES = {code.value for code in Code} - {Code.INTERNAL.value}


SCALARS = {
    "Decimal": ["0", "851.47", "-1", "1e3", "nonsense"],
    "Date": ["2026-03-31", "0001-01-01", "yesterday"],
    "DateTime": ["2026-03-31T12:00:00Z", "9999-12-31T23:59:59+14:00", "noon"],
    "CurrencyCode": ["EUR", "eur"],
    "CountryCode": ["DE", "Germany"],
    "URL": ["https://example.com/", "javascript:alert(1)"],
    "Cursor": ["nowhere", "YTox"],
    "JSON": ["{}"],
}
"""Values of our scalars, good ones and others."""


def test_whatever_the_schema_allows_is_answered(plain: Gateway) -> None:
    for scalar, values in SCALARS.items():
        schemathesis.graphql.scalar(scalar, st.sampled_from(values).map(nodes.String))
    headers = {"authorization": plain.http.headers["authorization"]}
    schema: Any = schemathesis.graphql.from_url(f"{plain.url}/graphql", headers=headers)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 25
    asked: set[str] = set()

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(operations))
        case = data.draw(operation.as_strategy())
        answer = plain.http.post(f"{plain.url}/graphql", json={"query": case.body})
        asked.add(operation.label)
        assert answer.status_code < 500, case.body
        body = answer.json()
        for error in body.get("errors", []):
            assert error["extensions"]["code"] in CODES, (case.body, error)
            assert "Traceback" not in error["message"]
            assert error["extensions"]["correlationId"] == answer.headers["x-correlation-id"]
        assert "data" in body or body["errors"]

    ask()
    assert len(asked) > 10
