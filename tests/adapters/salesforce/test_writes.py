"""What is particular to Salesforce's writes: columns, the marker, the second, the org's refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unsupported,
)
from adapters.contracts.values import Address
from adapters.contracts.vocabulary import CustomerStatus, RecordType
from adapters.contracts.writes import Settlement, Verb, Write, Writer
from adapters.emulation.faults import Fault
from tests.adapters.salesforce.conftest import Sandbox

pytestmark = pytest.mark.anyio
BASE = "/services/data/v66.0"


@pytest.fixture
async def adapter(sandbox: Sandbox) -> AsyncIterator[Adapter]:
    connected = sandbox.adapter()
    yield connected
    await connected.aclose()


def writer_of(adapter: Adapter) -> Writer:
    assert adapter.writer is not None
    return adapter.writer


def update(sandbox: Sandbox, **changes: Any) -> Write:
    return Write(Verb.UPDATE_CUSTOMER, sandbox.world.customers[0].crm_id, "cmd_1", changes)


def stored(sandbox: Sandbox, write: Write) -> dict[str, Any]:
    row = sandbox.store.execute("SELECT * FROM salesforce_account WHERE Id = ?", (write.record_id,))
    return dict(row.fetchone())


async def test_only_what_changes_is_touched(sandbox: Sandbox, adapter: Adapter) -> None:
    write = update(sandbox, industry="Mining", email=None)
    before = stored(sandbox, write)
    await writer_of(adapter).perform(write)
    after = stored(sandbox, write)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        "Industry",
        "Email__c",
        "Fieldgate_Command__c",
        "LastModifiedDate",
        "SystemModstamp",
    }
    assert (after["Industry"], after["Email__c"], after["Fieldgate_Command__c"]) == ("Mining", None, "cmd_1")
    assert sandbox.calls() == [f"PATCH {BASE}/sobjects/Account/{write.record_id}"]
    (effect,) = sandbox.effects()
    assert (effect.vendor, effect.action, effect.record_id, effect.key) == (
        "salesforce",
        "update Account",
        write.record_id,
        "cmd_1",
    )


async def test_a_status_is_the_first_label_that_reads_as_it(sandbox: Sandbox, adapter: Adapter) -> None:
    write = update(sandbox, status=CustomerStatus.SUSPENDED)
    await writer_of(adapter).perform(write)
    assert stored(sandbox, write)["Customer_Status__c"] == "Suspended"
    labels = {"On Hold": "SUSPENDED", "Suspended": "SUSPENDED"}
    other = sandbox.adapter(status_labels=labels)
    await writer_of(other).perform(write)
    assert stored(sandbox, write)["Customer_Status__c"] == "On Hold"
    sandbox.calls()
    for status in (CustomerStatus.UNKNOWN, CustomerStatus.ACTIVE):
        with pytest.raises(Rejected, match=status.name):
            await writer_of(other).perform(replace(write, changes={"status": status}))
    assert sandbox.calls() == [], "what has no label is not sent"
    await other.aclose()


@pytest.mark.parametrize(
    ("address", "street", "code"),
    [
        (Address("Gartenstr. 5", "2. Hof", "Berlin", None, "10115", "DE"), "Gartenstr. 5\n2. Hof", "DE"),
        (Address(line2="2. Hof"), "2. Hof", None),
        (None, None, None),
    ],
)
async def test_an_address_is_replaced_as_a_whole(
    sandbox: Sandbox, adapter: Adapter, address: Address | None, street: str | None, code: str | None
) -> None:
    write = update(sandbox, shipping_address=address)
    await writer_of(adapter).perform(write)
    row = stored(sandbox, write)
    assert (row["ShippingStreet"], row["ShippingCountryCode"], row["ShippingCountry"]) == (street, code, code)
    assert row["ShippingState"] is None
    assert row["ShippingCity"] == (address.city if address else None)


async def test_a_country_is_spelt_as_the_column_spells_it(sandbox: Sandbox) -> None:
    codes = {"Deutschland": "DE", "Germany": "DE"}
    adapter = sandbox.adapter(country_column="ShippingCountry", country_codes=codes)
    write = update(sandbox, shipping_address=Address(city="Berlin", country="DE"))
    await writer_of(adapter).perform(write)
    assert stored(sandbox, write)["ShippingCountry"] == "Deutschland"
    customers = adapter.resources[RecordType.CUSTOMER]
    found = await customers.read_many([write.record_id], frozenset({"shipping_address"}))
    assert customers.fields.read(found[write.record_id], "shipping_address") == Address(
        city="Berlin", country="DE"
    )
    await adapter.aclose()


async def test_a_marker_outlives_other_peoples_changes(sandbox: Sandbox, adapter: Adapter) -> None:
    writer, write = writer_of(adapter), update(sandbox, name="Renamed")
    await writer.perform(write)
    sandbox.store.execute(
        "UPDATE salesforce_account SET Name = 'Somebody else' WHERE Id = ?", (write.record_id,)
    )
    settled = await writer.settle(write)
    assert (settled.settlement, settled.record_id) == (Settlement.DONE, write.record_id)
    other = await writer.settle(replace(write, key="cmd_2"))
    assert other.settlement is Settlement.NOT_DONE
    assert sandbox.queries[-1] == (
        f"SELECT Id, Fieldgate_Command__c FROM Account WHERE Id IN ('{write.record_id}')"
    )


async def test_without_a_marker_the_wanted_state_decides(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter(command_column=None)
    writer = writer_of(adapter)
    write = update(sandbox, name="Renamed", shipping_address=Address("1 Main St", city="Reno", country="US"))
    assert (await writer.settle(write)).settlement is Settlement.NOT_DONE
    await writer.perform(write)
    assert stored(sandbox, write)["Fieldgate_Command__c"] is None
    assert (await writer.settle(write)).settlement is Settlement.DONE
    partly = replace(write, changes={**write.changes, "phone": "+1 555 010 2030"})
    assert (await writer.settle(partly)).settlement is Settlement.NOT_DONE
    await adapter.aclose()


async def test_a_record_that_is_gone_is_settled_as_not_done(sandbox: Sandbox, adapter: Adapter) -> None:
    writer, write = writer_of(adapter), update(sandbox, name="Renamed")
    await writer.perform(write)
    sandbox.store.execute("DELETE FROM salesforce_account WHERE Id = ?", (write.record_id,))
    sandbox.store.execute("INSERT INTO salesforce_deleted VALUES (?)", (write.record_id,))
    assert (await writer.settle(write)).settlement is Settlement.NOT_DONE
    with pytest.raises(NotFound) as gone:
        await writer.perform(write)
    assert gone.value.vendor_code == "ENTITY_IS_DELETED"


@pytest.mark.parametrize("record_id", ["001D000000IqhSLIAZ", "nonsense", "../Contact/x", ""])
async def test_there_is_no_such_record(sandbox: Sandbox, adapter: Adapter, record_id: str) -> None:
    write = replace(update(sandbox, name="Renamed"), record_id=record_id)
    with pytest.raises(NotFound):
        await writer_of(adapter).perform(write)
    assert (await writer_of(adapter).settle(write)).settlement is Settlement.NOT_DONE
    assert len(sandbox.calls()) == (2 if record_id.startswith("001") else 0)
    assert sandbox.effects() == []


async def test_a_stale_write_is_told_by_the_second(sandbox: Sandbox, adapter: Adapter) -> None:
    """The vendor's dates have no fraction: a fraction of the caller's must not refuse a fresh write."""
    writer, write = writer_of(adapter), update(sandbox, name="Renamed")
    at = datetime(2026, 11, 20, 10, 0, 5, tzinfo=UTC)
    zone = at.astimezone().tzinfo
    for unmodified_since, is_stale in (
        (at, False),
        (at + timedelta(milliseconds=400), False),
        (at.astimezone(zone), False),
        (at - timedelta(milliseconds=1), True),
        (at - timedelta(seconds=1), True),
    ):
        sandbox.store.execute(
            "UPDATE salesforce_account SET LastModifiedDate = '2026-11-20T10:00:05.000+0000' WHERE Id = ?",
            (write.record_id,),
        )
        conditional = replace(write, unmodified_since=unmodified_since, key=f"at-{unmodified_since:%S-%f}")
        before = len(sandbox.effects())
        if is_stale:
            with pytest.raises(Conflict) as refused:
                await writer.perform(conditional)
            assert refused.value.vendor_code != "wrong_state"
        else:
            assert await writer.perform(conditional) == write.record_id
        assert len(sandbox.effects()) == before + (not is_stale)


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"name": None}, "REQUIRED_FIELD_MISSING", "Name"),
        ({"name": "x" * 256}, "STRING_TOO_LONG", "Name"),
        ({"email": "secret at example"}, "INVALID_EMAIL_ADDRESS", "Email__c"),
        ({"segment": "Secret"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Segment__c"),
        ({"phone": "secret"}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Phone"),
        (
            {"shipping_address": Address(line1="secret", country="Germany")},
            "FIELD_INTEGRITY_EXCEPTION",
            "ShippingCountryCode",
        ),
    ],
)
async def test_refused_input_names_the_column_and_not_the_value(
    sandbox: Sandbox, adapter: Adapter, changes: dict[str, Any], code: str, named: str
) -> None:
    with pytest.raises(Rejected) as refused:
        await writer_of(adapter).perform(update(sandbox, **changes))
    assert refused.value.vendor_code == code
    assert named in refused.value.message
    assert "secret" not in refused.value.message.lower()
    assert "xxx" not in refused.value.message
    assert sandbox.effects() == []


async def test_a_column_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter(segment_column="Tier__c")
    with pytest.raises(Rejected, match="Tier__c"):
        await writer_of(adapter).perform(update(sandbox, segment="SMB"))
    read_only = sandbox.adapter(segment_column="CreatedDate")
    with pytest.raises(Rejected, match="CreatedDate") as refused:
        await writer_of(read_only).perform(update(sandbox, segment="SMB"))
    assert refused.value.vendor_code == "INVALID_FIELD_FOR_INSERT_UPDATE"
    await adapter.aclose()
    await read_only.aclose()


async def test_a_duplicate_is_refused(sandbox: Sandbox, adapter: Adapter) -> None:
    other = sandbox.world.customers[1]
    with pytest.raises(Rejected) as refused:
        await writer_of(adapter).perform(update(sandbox, name=other.name, website=other.website))
    assert refused.value.vendor_code == "DUPLICATES_DETECTED"
    assert other.name not in refused.value.message
    assert sandbox.effects() == []


@pytest.mark.parametrize(
    ("code", "fault"), [("UNABLE_TO_LOCK_ROW", Throttled), ("ENTITY_IS_LOCKED", Conflict)]
)
async def test_a_locked_record_is_not_written(
    sandbox: Sandbox, adapter: Adapter, code: str, fault: type[SystemFault]
) -> None:
    write = update(sandbox, name="Renamed")
    sandbox.store.execute("INSERT INTO salesforce_lock VALUES (?, ?)", (write.record_id, code))
    with pytest.raises(fault) as refused:
        await writer_of(adapter).perform(write)
    assert refused.value.vendor_code == ("wrong_state" if fault is Conflict else code)
    assert sandbox.effects() == []
    sandbox.store.execute("DELETE FROM salesforce_lock")
    assert await writer_of(adapter).perform(write) == write.record_id


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault("error", method="PATCH", status=502), OutcomeUnknown),
        (Fault("error", method="PATCH", status=403), Unauthorised),
        (Fault("content_type", method="PATCH"), Malformed),
    ],
)
async def test_what_an_answer_means_for_a_write(
    sandbox: Sandbox, adapter: Adapter, fault: Fault, raised: type[SystemFault]
) -> None:
    sandbox.front.arm(fault)
    with pytest.raises(raised):
        await writer_of(adapter).perform(update(sandbox, name="Renamed"))
    assert sandbox.calls().count(f"PATCH {BASE}/sobjects/Account/{sandbox.world.customers[0].crm_id}") == 1


async def test_an_ended_session_is_renewed_before_anything_is_done(
    sandbox: Sandbox, adapter: Adapter
) -> None:
    sandbox.front.arm(Fault("expire_token", method="PATCH"))
    await writer_of(adapter).perform(update(sandbox, name="Renamed"))
    assert len(sandbox.effects()) == 1


async def test_fields_of_other_systems_are_not_written(sandbox: Sandbox, adapter: Adapter) -> None:
    for name in ("id", "account_manager", "contacts", "updated_at", "customer_in_payments", "legal_name"):
        with pytest.raises(Unsupported, match=name):
            await writer_of(adapter).perform(update(sandbox, **{name: "x"}))
    assert sandbox.calls() == []
