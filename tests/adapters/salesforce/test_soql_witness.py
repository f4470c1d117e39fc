"""An independent SOQL parser (npm ``@jetstreamapp/soql-parser-js``) reads every query the adapter sends.

It must find the query to be one, and print it again as it was: what was meant as a value is a value.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import Order, PageRequest
from adapters.contracts.vocabulary import CustomerStatus, RecordType
from tests.adapters.salesforce.conftest import Sandbox

PACKAGE = "@jetstreamapp/soql-parser-js@6.3.1"
CACHE = Path(__file__).parents[3] / ".cache" / "node" / "soql-parser-js"
SCRIPT = """
const { parseQuery, composeQuery } = require('@jetstreamapp/soql-parser-js');
const queries = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const read = (query) => { try { return composeQuery(parseQuery(query)); } catch (error) { return null; } };
console.log(JSON.stringify(queries.map(read)));
"""
NASTY = ("a' OR Name != '", "100%_\\", "\\' --", "tab\there", "line\nbreak", "\x01", "渡辺 'x'", "{!x} :bind")


@pytest.fixture(scope="module")
def node() -> str:
    """The folder with the parser, installed into the repository's cache on first use."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not here: SOQL is not held against the independent parser")
    if not (CACHE / "node_modules" / "@jetstreamapp").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(CACHE), "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run([*install, PACKAGE], capture_output=True, text=True, timeout=90, check=True)
        except subprocess.SubprocessError:
            pytest.skip(f"{PACKAGE} cannot be had: SOQL is not held against the independent parser")
    return str(CACHE)


def read_by_witness(folder: str, queries: list[str]) -> list[str | None]:
    """Each query as the parser prints it; None for what it refuses."""
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        cwd=folder,
        input=json.dumps(queries),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.anyio
async def test_every_query_is_read_as_it_was_meant(sandbox: Sandbox, node: str) -> None:
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    contracts = adapter.resources[RecordType.CONTRACT_TERMS]
    ids = tuple(fact.crm_id for fact in sandbox.world.customers)
    wheres: list[tuple[Condition, ...]] = [
        (),
        *((Condition("search", Op.SEARCH, text),) for text in NASTY),
        *((Condition(field, Op.IN, NASTY),) for field in ("segment", "email", "customer_in_payments")),
        (Condition("status", Op.IN, tuple(CustomerStatus)), Condition("segment", Op.IN, ("SMB",))),
        (Condition("status", Op.IN, (CustomerStatus.UNKNOWN,)), Condition("search", Op.SEARCH, "a b")),
        (Condition("updated_at", Op.SINCE, datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)),),
        (Condition("id", Op.IN, ids),),
    ]
    sandbox.store.execute("UPDATE salesforce_account SET Name = 'O''Neil \\ 100%_' || Name")
    for where, order in itertools.product(wheres, [None, *customers.orders]):
        ask = PageRequest(select=customers.fields.supplies(), where=where, order=order, first=1)
        await customers.page(ask)
        after = (await customers.page(PageRequest(select=frozenset(), order=order, first=1))).positions[0]
        await customers.page(PageRequest(select=frozenset({"name"}), where=where, order=order, after=after))
    await customers.page(PageRequest(select=frozenset(), order=Order("name")))
    subscriptions = [fact.id for fact in sandbox.world.subscriptions[:300]]
    await contracts.related("subscription_in_subscriptions", subscriptions, contracts.fields.supplies())
    await contracts.related("customer_in_crm", ids, contracts.fields.supplies())
    await adapter.aclose()

    queries = list(dict.fromkeys(sandbox.queries))
    assert len(queries) > 60
    read = read_by_witness(node, queries)
    assert {query for query, again in zip(queries, read, strict=True) if again is None} == set()
    # It writes null in capitals; all else must come back to the letter.
    assert [again.replace("= NULL", "= null") for again in read if again is not None] == queries


def test_the_witness_can_refuse(node: str) -> None:
    assert read_by_witness(node, ["SELECT FROM Account", "SELECT Id FROM Account WHERE Name = 'a'b'"]) == [
        None,
        None,
    ]
