"""Whatever stands in the rows of a system, generated code writes the text of the plain executor's answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.compose import compose
from gateway.limits.caller import Caller
from gateway.settings import load_config
from gateway.transport.operation import Operations
from resolvers.planned import codegen_rows
from resolvers.planned.codegen_leaves import quoted
from resolvers.viewer import UNRESTRICTED
from tests.planned.differential import cases, errors_of
from tests.planned.world import QUERIES, Company, assembled
from tests.support.rest_system import KEY, Collection, rest_system
from tests.support.server import serving

TEXTS = st.text(max_size=8) | st.sampled_from(["", '"', "\\", "\n\x00\x1f\x7f", "é", "\u2028", "😀", "{}%s'"])
VALUES = st.none() | TEXTS | st.integers(-(10**4), 10**9) | st.booleans() | st.just(1.5) | st.just(["x"])
CENTS = st.integers(100, 10**12)
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "eur", "", '"', None, 3])
DAYS = st.sampled_from(["2026-01-31", "2026-02-30", "", None, "2026-01-31T10:00:00Z", 7, []])


USUAL = {"state": "live", "currency": "EUR", "day": "2026-01-31", "kind": "card", "flag": True}


def records(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Three rows, of which most are as rows should be: after one that is not, no other is looked at."""
    usual = {**{key: st.just(value) for key, value in USUAL.items()}, "text": TEXTS, "cents": CENTS}
    ordinary = st.fixed_dictionaries({key: usual[key] for key in keys})
    odd = st.fixed_dictionaries({}, optional=keys)
    return st.lists(st.one_of(*[ordinary] * 5, odd), min_size=3, max_size=3)


CUSTOMERS = records(text=TEXTS, state=st.sampled_from(["live", "gone", None, 1]))
ACCOUNTS = records(cents=VALUES, currency=CURRENCIES, flag=VALUES)
INVOICES = records(text=VALUES, cents=VALUES, currency=CURRENCIES, day=DAYS, state=TEXTS)
PAYMENTS = records(cents=VALUES, currency=CURRENCIES, kind=VALUES, text=VALUES)

QUERY = """{ customers(first: 5) {
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node {
  __typename id name email status
  receivables { balance { amount currency __typename } onHold }
  invoices(first: 5) { nodes { id number status total { currency amount } dueOn
    payments(first: 5) { edges { cursor node { id amount { amount } method { kind last4 } } }
                         pageInfo { hasNextPage endCursor } } } } } } } }"""


def configuration(url: str) -> dict[str, Any]:
    def connection(system: str, **resources: Any) -> dict[str, Any]:
        auth = {"kind": "header", "name": "X-Company-Key", "value": KEY}
        settings = {"base_url": url, "auth": auth, "deadline_s": 60, "resources": resources}
        return {"name": system.lower(), "system": system, "adapter": "rest", "settings": settings}

    by_customer = {"keys": {"customer_in_crm": {"param": "customers"}}, "listed": False}
    money = {"amount": "cents", "currency": "currency", "unit": "minor"}
    customer = {
        "id": "id",
        "name": "text",
        "email": "text",
        "status": {"path": "state", "values": {"live": "ACTIVE"}},
    }
    account = {
        "id": "id",
        "customer_in_crm": "customer",
        "receivables": {"balance": money, "on_hold": "flag"},
    }
    invoice = {"id": "id", "customer_in_crm": "customer", "number": "text", "due_on": "day", "total": money,
               "status": {"path": "state", "values": {"live": "OPEN"}}}  # fmt: skip
    payment = {"id": "id", "invoice_in_erp": "invoice", "amount": money,
               "method": {"kind": {"path": "kind", "values": {"card": "CARD"}}, "last4": "text"}}  # fmt: skip
    paging = {"style": "offset", "limit": "limit", "offset": "offset", "max": 50, "more": "one_extra"}
    return {
        "connections": [
            connection("CRM", Customer={"path": "/api/customers", "ids": "ids", "fields": customer,
                                        "paging": paging}),
            connection("ERP", Customer={"path": "/api/accounts", "fields": account, **by_customer},
                       Invoice={"path": "/api/invoices", "fields": invoice, **by_customer}),
            connection("PAYMENTS", Payment={"path": "/api/payments", "fields": payment, "listed": False,
                                            "keys": {"invoice_in_erp": {"param": "invoices"}}}),
        ]
    }  # fmt: skip


class Both:
    """Both executors, and the lists of the system."""

    def __init__(self, runner: asyncio.Runner, company: Company, lists: Mapping[str, Collection]) -> None:
        self._runner = runner
        self._company = company
        self.lists = lists

    def serve(self, **rows: Sequence[Mapping[str, Any]]) -> None:
        """The rows of each list: the first of each belong together, and so on."""
        for name, own in rows.items():
            self.lists[name].rows = [
                {**row, "id": f"{name[0]}{at}", "customer": f"c{at}", "invoice": f"i{at}"}
                for at, row in enumerate(own)
            ]

    def compare(self) -> bytes:
        """Asks both, and gives the bytes of their data."""
        planned, plain = (self._ask(each) for each in (self._company.by_plan, self._company.plainly))
        assert orjson.dumps(planned["data"]) == orjson.dumps(plain["data"])
        assert errors_of(planned) == errors_of(plain)
        return orjson.dumps(planned["data"])

    def _ask(self, operations: Operations) -> dict[str, Any]:
        return self._runner.run(
            operations.answer({"query": QUERY}, "test", UNRESTRICTED, Caller("test"), QUERIES)
        )

    @property
    def interpreted(self) -> int:
        return self._company.planned.fallbacks.interpreted


@contextlib.asynccontextmanager
async def gateway(file: Path) -> AsyncGenerator[Company]:
    parts = await compose(load_config(file, {}))
    try:
        yield assembled(parts)
    finally:
        await parts.aclose()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("texts")
    lists = {
        "customers": Collection("bare", [], one_of={"ids": "id"}),
        "accounts": Collection("bare", [], one_of={"customers": "customer"}),
        "invoices": Collection("bare", [], one_of={"customers": "customer"}),
        "payments": Collection("bare", [], one_of={"invoices": "invoice"}),
    }
    with serving(rest_system(lists)) as url, asyncio.Runner() as runner:
        file = folder / "fieldgate.yaml"
        file.write_text(json.dumps({"state": {"folder": str(folder)}, **configuration(url)}))
        entered = gateway(file)
        try:
            yield Both(runner, runner.run(entered.__aenter__()), lists)
        finally:
            runner.run(entered.__aexit__(None, None, None))


@cases(150)
@given(customers=CUSTOMERS, accounts=ACCOUNTS, invoices=INVOICES, payments=PAYMENTS)
@pytest.mark.timeout(0)
def test_rows_of_whatever_kind_give_the_same_text(both: Both, **rows: Any) -> None:
    both.serve(**rows)
    both.compare()


def test_usual_rows_are_written_by_generated_code(both: Both) -> None:
    both.serve(**{name: [{**USUAL, "text": 'a "b" \\ é', "cents": 1005}] * 3 for name in both.lists})
    before = both.interpreted
    data = both.compare()
    assert both.interpreted == before
    assert r'"name":"a \"b\" \\ é"'.encode() in data
    assert b'"amount":{"amount":"10.05"}' in data


@pytest.mark.parametrize("at_once", [1, 7, 11])
def test_long_lists_are_written_some_rows_after_the_other(
    both: Both, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(codegen_rows, "OBJECTS_AT_ONCE", at_once)
    both.serve(
        **{
            name: [{**USUAL, "text": f"{name} {row}", "cents": 100 + row} for row in range(3)]
            for name in both.lists
        }
    )
    before = both.interpreted
    data = orjson.loads(both.compare())
    assert both.interpreted == before
    names = [each["node"]["name"] for each in data["customers"]["edges"]]
    assert names == ["customers 0", "customers 1", "customers 2"]


@given(st.text())
@example('\x00\x08\t\n\x0c\r\x1b\x1f "\\/\x7f\x80\u2028\u2029\ufeff\uffff😀')
def test_texts_are_quoted_as_orjson_quotes_them(text: str) -> None:
    assert quoted(text) == orjson.dumps(text).decode()
