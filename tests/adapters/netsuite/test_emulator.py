"""The emulator itself: SuiteQL's subset, its refusals, and the form of its answers."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.adapters.netsuite.conftest import Sandbox

Ask = Callable[..., httpx.Response]


def refusal(answer: httpx.Response) -> tuple[str, str]:
    """Code and detail of an error answer, its form checked."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/vnd.oracle.resource+json; type=error"
    assert body["status"] == answer.status_code
    assert body["type"].startswith("https://www.rfc-editor.org/rfc/rfc9110.html#section-")
    detail = body["o:errorDetails"][0]
    return detail["o:errorCode"], detail["detail"]


def test_answer_has_netsuites_form(ask: Ask, sandbox: Sandbox) -> None:
    answer = ask(
        "SELECT c.ID, c.CompanyName, c.externalid FROM Customer c ORDER BY c.id", limit="10", offset="10"
    )
    body = answer.json()
    assert (body["count"], body["offset"], body["hasMore"]) == (10, 10, True)
    assert body["totalResults"] == sum(len(customer.erp_ids) for customer in sandbox.world.customers)
    assert {link["rel"] for link in body["links"]} == {"self", "next", "last", "first", "prev"}
    # Names in lower case, values as strings, null left out.
    assert set(body["items"][0]) == {"links", "id", "companyname"}
    assert isinstance(body["items"][0]["id"], str)


def test_functions(ask: Ask, sandbox: Sandbox) -> None:
    invoice = sandbox.world.invoices[0]
    sql = f"""
        SELECT TO_CHAR(t.duedate, 'YYYY-MM-DD"T"HH24:MI:SS') AS due, BUILTIN.CF(t.status) AS cf,
            NVL(t.externalid, 'none') AS external, t.foreigntotal AS total,
            (SELECT SUM(l.foreignamount) FROM transactionline l
             WHERE l.transaction = t.id AND l.mainline = 'F') AS credited
        FROM transaction AS t WHERE t.id = {invoice.id}
    """
    row = ask(sql).json()["items"][0]
    assert row["due"] == f"{invoice.due_on}T00:00:00"
    assert row["cf"].startswith("CustInvc:")
    assert row["external"] == "none"
    assert row["credited"] == f"-{row['total']}"


def test_amounts_are_compared_as_numbers(ask: Ask, sandbox: Sandbox) -> None:
    sql = "SELECT id FROM transaction WHERE type = 'CustInvc' AND NVL(foreignamountpaid, 0) > 0 ORDER BY id"
    paid = [str(invoice.id) for invoice in sandbox.world.invoices if invoice.paid_minor > 0]
    assert [row["id"] for row in ask(sql).json()["items"]] == paid


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        ("SELECT id, nonsense FROM customer", "Unknown identifier 'nonsense'."),
        ("SELECT c.nonsense FROM customer c", "Unknown identifier 'nonsense'."),
        ("SELECT t.subsidiary FROM transaction t", "Unknown identifier 'subsidiary'."),
        ("SELECT status_cf FROM transaction", "Unknown identifier 'status_cf'."),
        ("SELECT id FROM Invoices", "Record 'Invoices' was not found."),
        ("SELECT id FROM stripe_customer", "Record 'stripe_customer' was not found."),
        ("SELECT id FROM netsuite_customer", "Record 'netsuite_customer' was not found."),
        ("SELECT name FROM sqlite_master", "Record 'sqlite_master' was not found."),
        ("SELECT load_extension('x') FROM customer", "Function 'load_extension' was not found."),
        ("SELECT c.id FROM customer c, stripe_customer", "Invalid or unsupported search"),
        ("SELECT (SELECT 1 FROM customer c, stripe_customer) FROM term", "Invalid or unsupported search"),
        ("SELECT id FROM customer; DELETE FROM customer", "Invalid or unsupported search"),
        ("DELETE FROM customer", "Invalid or unsupported search"),
        ("SELECT id FROM customer LIMIT 5", "Invalid or unsupported search"),
        ("SELECT id FROM customer -- comment", "Invalid or unsupported search"),
        ("SELECT id FROM customer /* comment */", "Invalid or unsupported search"),
        ('SELECT "id" FROM customer', "Invalid or unsupported search"),
        ("SELECT id FROM customer WHERE id = ?", "Invalid or unsupported search"),
        ("SELECT id FROM customer WHERE companyname = 'open", "Invalid or unsupported search"),
        ("SELECT id FROM customer WHERE (id = 1", "Invalid or unsupported search"),
        ("SELECT id FROM customer WHERE id = 1)", "Invalid or unsupported search"),
        ("SELECT TO_CHAR(datecreated, 'Q') FROM customer", "Invalid or unsupported search"),
        ("", "Invalid or unsupported search"),
        (
            f"SELECT id FROM customer WHERE id IN ({', '.join(['1'] * 1001)})",
            "maximum number of expressions in a list is 1000",
        ),
    ],
)
def test_what_netsuite_would_not_run_is_refused(ask: Ask, sql: str, detail: str) -> None:
    answer = ask(sql)
    code, said = refusal(answer)
    assert (answer.status_code, code) == (400, "INVALID_PARAMETER")
    assert said.endswith(detail)
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == "q"


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"limit": "10", "offset": "5"}, {"page": "2"}],
)
def test_paging_parameters_are_checked(ask: Ask, params: dict[str, str]) -> None:
    assert refusal(ask("SELECT id FROM term", **params))[0] == "INVALID_PARAMETER"


def test_transient_preference_is_required(ask: Ask) -> None:
    assert refusal(ask("SELECT id FROM term", prefer=None))[0] == "INVALID_HEADER"
    assert ask("SELECT id FROM term", prefer="transient").status_code == 200


def test_single_records_and_server_time(ask: Ask, sandbox: Sandbox) -> None:
    http: httpx.Client = ask.http  # type: ignore[attr-defined]
    invoice = sandbox.world.invoices[0]
    document = http.get(f"/services/rest/record/v1/invoice/{invoice.id}").json()
    assert document["tranId"] == invoice.number
    assert document["entity"]["id"] == str(invoice.customer.erp_ids[0])
    customer = http.get(f"/services/rest/record/v1/customer/{invoice.customer.erp_ids[0]}").json()
    assert customer["custentity_crm_id"] == invoice.customer.crm_id
    for path in ("invoice/1", "customer/x", f"customer/{invoice.id}", "vendor/1"):
        missing = http.get(f"/services/rest/record/v1/{path}")
        assert (missing.status_code, refusal(missing)[0]) == (404, "NONEXISTENT_ID")
    assert http.get("/services/rest/system/v1/serverTime").json()["serverTime"].endswith("Z")


def test_a_customer_that_the_erp_has_twice(ask: Ask, sandbox: Sandbox) -> None:
    twice = next(customer for customer in sandbox.world.customers if len(customer.erp_ids) == 2)
    sql = f"SELECT id FROM customer WHERE custentity_crm_id = '{twice.crm_id}' ORDER BY id"
    assert [row["id"] for row in ask(sql).json()["items"]] == [str(erp_id) for erp_id in twice.erp_ids]
