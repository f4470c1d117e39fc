"""The check-up, the links into NetSuite, and errors in NetSuite's form."""

from __future__ import annotations

import pytest

from adapters.contracts.errors import Rejected, Throttled
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from tests.adapters.netsuite.conftest import Sandbox

pytestmark = pytest.mark.anyio


async def test_all_is_well(sandbox: Sandbox) -> None:
    adapter = sandbox.connect()
    findings = await adapter.check()
    await adapter.aclose()
    assert all(finding.ok for finding in findings)
    assert [finding.check for finding in findings[:3]] == ["token", "SuiteQL", "table currency"]


async def test_a_missing_column_is_named(sandbox: Sandbox) -> None:
    adapter = sandbox.connect(customer_crm_column="custentity_salesforce_id")
    findings = await adapter.check()
    await adapter.aclose()
    wrong = [finding for finding in findings if not finding.ok]
    assert [finding.check for finding in wrong] == [
        "columns of NetSuite customer",
        "columns of NetSuite invoice",
    ]
    assert all("custentity_salesforce_id" in finding.detail for finding in wrong)


async def test_wrong_credentials_are_one_line(sandbox: Sandbox) -> None:
    adapter = sandbox.connect(client_id="another")
    (finding,) = await adapter.check()
    await adapter.aclose()
    assert (finding.check, finding.ok) == ("token", False)
    assert "invalid_grant" in finding.detail


async def test_suiteql_that_is_refused_is_said_once(sandbox: Sandbox) -> None:
    adapter = sandbox.connect()
    sandbox.front.arm(Fault("error", path="/suiteql", status=403))
    findings = await adapter.check()
    await adapter.aclose()
    assert [(finding.check, finding.ok) for finding in findings] == [("token", True), ("SuiteQL", False)]
    assert "INSUFFICIENT_PERMISSION" in findings[1].detail


async def test_errors_carry_the_vendors_code_and_no_values(sandbox: Sandbox) -> None:
    adapter = sandbox.connect(customer_crm_column="custentity_absent")
    customers = adapter.resources[RecordType.CUSTOMER]
    where = (Condition("email", Op.IN, ("somebody@example.com",)),)
    try:
        with pytest.raises(Rejected) as caught:
            await customers.page(PageRequest(frozenset({"customer_in_crm"}), where))
        assert caught.value.vendor_code == "INVALID_PARAMETER"
        assert "custentity_absent" in caught.value.message
        assert "somebody" not in caught.value.message
        sandbox.front.arm(Fault("throttle", path="/suiteql"))
        with pytest.raises(Throttled) as throttled:
            await customers.page(PageRequest(frozenset({"id"})))
        assert throttled.value.vendor_code == "CONCURRENCY_LIMIT_EXCEEDED"
        assert throttled.value.retry_after_s is None
    finally:
        await adapter.aclose()


async def test_record_urls(sandbox: Sandbox) -> None:
    adapter = sandbox.connect(account="1234567_SB1")
    host = "https://1234567-sb1.app.netsuite.com/app"
    assert adapter.record_url(RecordType.CUSTOMER, "7") == f"{host}/common/entity/custjob.nl?id=7"
    assert adapter.record_url(RecordType.INVOICE, "8") == f"{host}/accounting/transactions/custinvc.nl?id=8"
    assert adapter.record_url(RecordType.SUBSCRIPTION, "9") is None
    await adapter.aclose()
