"""Everything that the neutral upstream's data can answer, through the declarative adapter, field by field."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.sandbox import Gateway, serving

HERE = Path(__file__).parent
BENCH = Path(os.environ.get("BENCH_FOLDER") or HERE.parents[2] / "shared" / "bench")
CUSTOMERS = 2000

ALL = """
fragment everything on Customer {
  id name status segment phone email createdAt updatedAt currency
  receivables { balance { ...money } creditLimit { ...money } onHold }
  invoices(first: 100) { nodes { number } }
  subscriptions(first: 100) {
    nodes {
      id status plan { code } quantity recurringRevenue { ...money } startedOn
      currentTerm { startsOn endsOn } customer { name }
      invoices(first: 100) {
        nodes {
          id number status subtotal { ...money } tax { ...money } total { ...money } issuedOn dueOn
          payments(first: 100) {
            nodes { id status amount { ...money } method { kind last4 } createdAt }
          }
        }
      }
    }
  }
}
fragment money on Money { amount currency }
"""
SOME = ALL + "query ($first: Int!) { customers(first: $first) { nodes { ...everything } } }"
ONE = ALL + "query ($id: ID!) { customer(id: $id) { ...everything } }"
PAGE = """
query ($after: String) {
  customers(first: 100, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
}
"""


@pytest.fixture(scope="module")
def mapping() -> Mapping[str, Mapping[str, str]]:
    return json.loads((BENCH / "mapping.json").read_text())


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The neutral upstream itself, which nobody here wrote, built and running."""
    source = BENCH / "upstream" / "upstream.c"
    if not source.exists():
        pytest.skip(f"there is no bench folder at {BENCH} (set BENCH_FOLDER)")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the neutral upstream could not be built")
    built = tmp_path_factory.mktemp("upstream") / "upstream"
    subprocess.run([compiler, "-O2", "-o", str(built), str(source)], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([str(built), str(port)])
    transport = httpx.HTTPTransport(retries=10)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", transport=transport, trust_env=False, timeout=30
        ) as http:
            assert http.get("/_stats").status_code == 200
            yield http
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def gateway(upstream: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Configured as for the benchmark, with its state elsewhere and all the time that it needs."""
    folder = tmp_path_factory.mktemp("over-upstream")
    text = re.sub(
        r"^state:.*$", f"state: {{folder: {folder}}}", (HERE / "fieldgate.yaml").read_text(), flags=re.M
    )
    config = folder / "fieldgate.yaml"
    config.write_text(text.replace("max_concurrency: 64", "max_concurrency: 64\n      deadline_s: 60"))
    with serving(config, folder, {"UPSTREAM_URL": str(upstream.base_url)}) as running:
        yield running


class Facts:
    """What the upstream holds of some customers, asked of itself."""

    def __init__(
        self, http: httpx.Client, customers: list[str], mapping: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._mapping = mapping
        self._customers = self._rows(http, "/crm/customers", "ids", customers)
        self._accounts = self._rows(http, "/erp/accounts", "customer_ids", customers)
        self._subscriptions = self._rows(http, "/subs/subscriptions", "customer_ids", customers)
        self._invoices = self._rows(http, "/erp/invoices", "customer_ids", customers)
        self._payments = self._rows(
            http, "/pay/payments", "invoice_ids", [each["id"] for each in self._invoices]
        )

    @staticmethod
    def _rows(http: httpx.Client, path: str, key: str, ids: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(ids), 200):
            answer = http.get(path, params={key: ",".join(ids[start : start + 200])}).raise_for_status()
            found += answer.json()
        return found

    def customers(self) -> list[dict[str, Any]]:
        """As the contract has them, ids of ours aside."""
        return [self._customer(row) for row in self._customers]

    def _customer(self, row: dict[str, Any]) -> dict[str, Any]:
        (account,) = (each for each in self._accounts if each["customer_id"] == row["id"])
        return {
            **{name: row[name] for name in ("name", "segment", "phone", "email")},
            "status": self._mapping["customer"][row["status"]],
            "createdAt": instant(row["created_at"]),
            "updatedAt": instant(row["updated_at"]),
            "currency": account["currency"],
            "receivables": {
                "balance": money(account, "balance"),
                "creditLimit": money(account, "credit_limit"),
                "onHold": account["on_hold"],
            },
            "invoices": {
                "nodes": [
                    {"number": each["number"]} for each in self._invoices if each["customer_id"] == row["id"]
                ]
            },
            "subscriptions": {
                "nodes": [
                    {**self._subscription(each), "customer": {"name": row["name"]}}
                    for each in self._subscriptions
                    if each["customer_id"] == row["id"]
                ]
            },
        }

    def _subscription(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "status": self._mapping["subscription"][row["status"]],
            "plan": {"code": row["plan"]},
            "quantity": row["quantity"],
            "recurringRevenue": money(row, "mrr"),
            "startedOn": row["started_at"][:10],
            "currentTerm": {
                "startsOn": row["current_period_start"][:10],
                "endsOn": row["current_period_end"][:10],
            },
            "invoices": {
                "nodes": [
                    self._invoice(each) for each in self._invoices if each["subscription_id"] == row["id"]
                ]
            },
        }

    def _invoice(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "number": row["number"],
            "status": self._mapping["invoice"][row["status"]],
            **{name: money(row, name) for name in ("subtotal", "tax", "total")},
            "issuedOn": row["issued_at"][:10],
            "dueOn": row["due_date"],
            "payments": {
                "nodes": [self._payment(each) for each in self._payments if each["invoice_id"] == row["id"]]
            },
        }

    def _payment(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "status": self._mapping["payment"][row["status"]],
            "amount": money(row, "amount"),
            "method": {"kind": self._mapping["method"][row["method"]], "last4": row["card_last4"]},
            "createdAt": instant(row["created_at"]),
        }


def money(row: Mapping[str, Any], name: str) -> dict[str, str]:
    return {
        "amount": str(Decimal(row[name]).scaleb(-2).quantize(Decimal("0.01"))),
        "currency": row["currency"],
    }


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told(value: Any) -> Any:
    """An answer without ids of ours, its times as times: they may be written in more than one way."""
    if isinstance(value, dict):
        return {
            name: instant(inner) if name in ("createdAt", "updatedAt") else told(inner)
            for name, inner in value.items()
            if name != "id"
        }
    return [told(each) for each in value] if isinstance(value, list) else value


def test_every_field_of_twenty_customers(
    upstream: httpx.Client, gateway: Gateway, mapping: Mapping[str, Mapping[str, str]]
) -> None:
    upstream.post("/_reset")
    nodes = gateway.data(SOME, {"first": 20})["customers"]["nodes"]
    heard = upstream.get("/_stats").json()
    facts = Facts(upstream, [f"cus_{number:05}" for number in range(20)], mapping).customers()
    assert told(nodes) == facts
    assert facts[0]["createdAt"].tzinfo is not None
    assert facts[0]["createdAt"].astimezone(UTC) == facts[0]["createdAt"]
    calls = {name: each["calls"] for name, each in heard.items() if isinstance(each, dict) and each["calls"]}
    assert calls == {
        "crm_customers": 1,
        "erp_accounts": 1,
        "subs_subscriptions": 1,
        # Those of 20 customers; the invoices of their 60 subscriptions are among them.
        "erp_invoices": 1,
        # The payments of 480 invoices, 250 a request.
        "pay_payments": 2,
    }


def test_one_customer_by_its_id(
    upstream: httpx.Client, gateway: Gateway, mapping: Mapping[str, Mapping[str, str]]
) -> None:
    ids = [node["id"] for node in gateway.data(SOME, {"first": 3})["customers"]["nodes"]]
    found = gateway.data(ONE, {"id": ids[2]})["customer"]
    assert [told(found)] == Facts(upstream, ["cus_00002"], mapping).customers()


def test_all_customers_page_by_page(gateway: Gateway) -> None:
    names: list[str] = []
    after: str | None = None
    while True:
        page = gateway.data(PAGE, {"after": after})["customers"]
        names += [node["name"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(names) == CUSTOMERS
    assert len(set(names)) == CUSTOMERS


def test_a_row_that_cannot_be_had_is_an_error_even_of_fields_that_no_row_has(gateway: Gateway) -> None:
    """The upstream finds invoices by their subscription only, and none of them has a memo."""
    nodes = gateway.data(SOME, {"first": 1})["customers"]["nodes"]
    invoice = nodes[0]["subscriptions"]["nodes"][0]["invoices"]["nodes"][0]
    answer = gateway.query("query ($id: ID!) { invoice(id: $id) { memo } }", {"id": invoice["id"]})
    assert answer["data"] == {"invoice": {"memo": None}}
    assert [error["path"] for error in answer["errors"]] == [["invoice", "memo"]]
