"""What is refused in the configuration, and at which place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from adapters.contracts.fields import Op
from adapters.contracts.vocabulary import RecordType
from adapters.rest.adapter import RestAdapter
from adapters.rest.canonical import FIELDS
from adapters.rest.settings import RestSettings
from gateway.settings import load_config

GOOD: dict[str, Any] = {"path": "/bills", "fields": {"id": "id", "customer_in_crm": "account"}}


def faults(section: dict[str, Any], record_type: str = "Invoice") -> dict[str, str]:
    """The messages by dotted place below the section, for settings that are refused."""
    with pytest.raises(ValidationError) as refused:
        RestSettings.model_validate({"base_url": "http://x.example", "resources": {record_type: section}})
    return {
        ".".join(str(step) for step in error["loc"][2:]): error["msg"] for error in refused.value.errors()
    }


def with_fields(**fields: Any) -> dict[str, Any]:
    return {**GOOD, "fields": {**GOOD["fields"], **fields}}


@pytest.mark.parametrize(
    ("section", "place", "message"),
    [
        (with_fields(stauts="s"), "fields.stauts", "no such field (did you mean status?)"),
        ({**GOOD, "fields": {"number": "no"}}, "fields.id", "every record needs one"),
        (with_fields(total="sum"), "fields.total", "valid dictionary"),
        (with_fields(total={"amount": "a", "currency": "c"}), "fields.total.unit", "required"),
        (
            with_fields(total={"amount": "a", "currency": "c", "unit": "cents"}),
            "fields.total.unit",
            "'major' or 'minor'",
        ),
        (with_fields(status={"path": "s", "values": {"x": "OPNE"}}), "fields.status.values.x", "mean OPEN?"),
        (with_fields(due_on={"path": "d", "form": "epoch"}), "fields.due_on.form", "'iso', 'unix'"),
        (with_fields(number={"path": "n", "form": "unix"}), "fields.number.form", "only days and times"),
        (with_fields(number={"path": "n", "value": "1"}), "fields.number", "either path or value"),
        (with_fields(number="a..b"), "fields.number.path", "pattern"),
        (with_fields(legal_entity={"name": "n"}), "fields.legal_entity.code", "a LegalEntity needs it"),
        (
            with_fields(lines={"path": "l", "items": {"ammount": "a"}}),
            "fields.lines.items.ammount",
            "mean amount?",
        ),
        (
            {**GOOD, "keys": {"subscription_in_subscriptions": "s"}},
            "keys.subscription_in_subscriptions",
            "must be",
        ),
        ({**GOOD, "keys": {"customer_in_cmr": "s"}}, "keys.customer_in_cmr", "mean customer_in_crm?"),
        ({**GOOD, "filters": {"status": {"in": "s"}}}, "filters.status", "must be among the fields"),
        (
            {**GOOD, "filters": {"customer_in_crm": {"before": "s"}}},
            "filters.customer_in_crm.before",
            "cannot be compared so",
        ),
        ({**GOOD, "orders": [{"field": "no", "param": "s", "value": "v"}]}, "orders.0.field", "not among"),
        ({**GOOD, "paging": {"style": "offest"}}, "paging", "'offset'"),
        ({**GOOD, "ids": {"parm": "ids"}}, "ids.param", "required"),
        ({**GOOD, "item": "/bills/{key}"}, "item.path", "pattern"),
        ({**GOOD, "ids": "ids", "item": "/bills/{id}"}, "item", "leave item out"),
        ({**GOOD, "colour": "red"}, "colour", "not permitted"),
    ],
)
def test_a_fault_is_told_at_its_place(section: dict[str, Any], place: str, message: str):
    found = faults(section)
    assert any(where.startswith(place) and message in text for where, text in found.items()), found


def test_all_faults_are_told_together():
    assert len(faults(with_fields(stauts="s", totla="t", due_on={"path": "d", "form": "x"}))) == 3


def test_refusals_repeat_no_input():
    with pytest.raises(ValidationError) as refused:
        RestSettings.model_validate(
            {
                "base_url": "http://x.example",
                "auth": {
                    "kind": "header",
                    "name": "bad name",
                    "value": "sesame-7788",
                    "other": "sesame-9911",
                },
                "resources": {"Invoice": with_fields(number={"path": "n", "secret": "sesame-2211"})},
            }
        )
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    "auth",
    [
        {"kind": "header", "name": "x-key", "value": "sesame-7788"},
        {"kind": "bearer", "token": "sesame-7788"},
        {"kind": "basic", "username": "u", "password": "sesame-7788"},
    ],
)
def test_secrets_do_not_show(auth: dict[str, str]):
    settings = RestSettings.model_validate(
        {"base_url": "http://x.example", "auth": auth, "resources": {"Invoice": GOOD}}
    )
    assert "sesame" not in repr(settings)


def test_every_canonical_field_can_be_mapped():
    """The table of canonical fields has no type that the compiler does not know."""
    forms: dict[str, Any] = {
        "Money": {"amount": "a", "currency": "c", "unit": "major"},
        "LegalEntity": {"code": "a"},
        "Plan": {"code": "a"},
        "PaymentMethod": {"kind": "a"},
    }
    parts = {"Person": "name", "Address": "line1", "Receivables": "on_hold", "Period": "starts_on"}
    parts |= {"InvoiceLine": "description", "PaymentFailure": "code"}
    forms |= {name: {part: "a"} for name, part in parts.items()}
    for record_type, fields in FIELDS.items():
        section: dict[str, Any] = {}
        for name, kind in fields.items():
            inner = getattr(kind, "__args__", [kind])[0]
            spec = forms.get(inner.__name__, "a")
            section[name] = spec if inner is kind else {"path": "a", "items": spec}
        settings = RestSettings.model_validate(
            {
                "base_url": "http://x.example",
                "resources": {record_type.value: {"path": "/x", "fields": section}},
            }
        )
        assert RestAdapter("x", settings).resources[record_type].fields.supplies() == set(fields)


def test_the_benchmarks_configuration_holds_together(tmp_path: Path):
    path = Path(__file__).parents[2] / "bench" / "fieldgate.yaml"
    copied = tmp_path / path.name
    copied.write_text(path.read_text())
    config = load_config(copied, {})
    found = {
        (each.name, record_type)
        for each in config.connections
        if isinstance(each.settings, RestSettings)
        for record_type in each.settings.resources
    }
    assert found == {
        ("crm", RecordType.CUSTOMER),
        ("subs", RecordType.SUBSCRIPTION),
        ("erp", RecordType.CUSTOMER),
        ("erp", RecordType.INVOICE),
        ("payments", RecordType.PAYMENT),
    }
    for each in config.connections:
        adapter = RestAdapter(each.name, each.settings)  # type: ignore[arg-type]
        for resource in adapter.resources.values():
            keys = [name for name in resource.fields.supplies() if resource.fields.can_filter(name, Op.IN)]
            assert all(resource.caps.keys(key) <= 250 for key in keys)


def test_the_example_in_the_docs_holds_together():
    page = (Path(__file__).parents[3] / "docs" / "adding-an-adapter.md").read_text()
    written = page.split("```yaml", 1)[1].split("```", 1)[0]
    for connection in yaml.safe_load(written)["connections"]:
        assert connection["adapter"] == "rest"
        RestSettings.model_validate(connection["settings"])
