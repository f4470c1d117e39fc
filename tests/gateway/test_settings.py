"""A configuration is checked as a whole: every fault has its file, line and key, and no secret is shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from adapters import registry
from adapters.contracts.adapter import ConnectionSettings, Manifest
from adapters.contracts.vocabulary import System
from gateway.settings import ConfigError, load_config
from gateway.settings_schema import SCHEMA_FILE, config_schema, write_schema

SECRET = "hunter2-very-secret"


class FakeColumns(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer: str = "cf_customer"


class FakeSettings(ConnectionSettings):
    api_key: SecretStr
    sandbox: bool = False
    region: str | None = Field(default=None, pattern="^[a-z]{2}$")
    columns: FakeColumns = FakeColumns()

    @field_validator("api_key")
    @classmethod
    def _prefixed(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("hunter2"):
            raise ValueError(f"{value.get_secret_value()} is no\nkey")
        return value


@pytest.fixture(autouse=True)
def fake_vendors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One vendor that can play two roles, and one whose package is not installed."""
    if "real_vendors" in request.fixturenames:
        return
    module = ModuleType("fake_vendor.manifest")
    module.MANIFEST = Manifest(  # type: ignore[attr-defined]
        name="fakeforce",
        title="Fakeforce",
        systems=frozenset({System.CRM, System.ERP}),
        settings=FakeSettings,
        connect=lambda name, settings: pytest.fail("nothing connects while configuration is read"),
        verified="",
    )
    monkeypatch.setitem(sys.modules, "fake_vendor.manifest", module)
    monkeypatch.setattr(
        registry, "ADAPTERS", {"fakeforce": "fake_vendor", "missing": "tests.gateway.no_such_vendor"}
    )


@pytest.fixture
def real_vendors() -> None:
    """The registry as it is."""


GOOD = """\
server: {host: 0.0.0.0, port: "${PORT:-9000}"}
ownership:
  Customer.phone: ERP
connections:
  - name: crm
    system: CRM
    adapter: fakeforce
    settings:
      base_url: https://crm.example.com/
      api_key: ${CRM_KEY}
      deadline_s: 3.5
      sandbox: ${SANDBOX:-true}
  - name: erp-us
    system: ERP
    adapter: fakeforce
    settings: {base_url: "https://${HOST}/erp", api_key: hunter2, columns: {customer: c}}
"""
ENVIRON = {"CRM_KEY": SECRET, "HOST": "erp.example.com"}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fieldgate.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """The messages, without the folder in front."""
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__
    assert all("\n" not in message for message in caught.value.messages)
    return [message.removeprefix(f"{tmp_path}/") for message in caught.value.messages]


def connection(settings: str = "", name: str = "crm", system: str = "CRM", adapter: str = "fakeforce") -> str:
    base = f"  - name: {name}\n    system: {system}\n    adapter: {adapter}\n    settings:\n"
    return base + f"      base_url: http://x\n      api_key: hunter2\n{settings}"


def test_a_good_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), ENVIRON)
    assert (config.server.host, config.server.port) == ("0.0.0.0", 9000)
    assert config.state.folder == tmp_path / ".fieldgate"
    assert config.ownership == {"Customer.phone": System.ERP}
    crm, erp = config.connections
    assert (crm.name, crm.system, crm.adapter) == ("crm", System.CRM, "fakeforce")
    assert isinstance(crm.settings, FakeSettings)
    assert crm.settings.root == "https://crm.example.com"
    assert crm.settings.api_key.get_secret_value() == SECRET
    assert (crm.settings.deadline_s, crm.settings.sandbox) == (3.5, True)
    assert isinstance(erp.settings, FakeSettings)
    assert erp.settings.root == "https://erp.example.com/erp"
    assert erp.settings.columns.customer == "c"


def test_a_configuration_is_frozen_and_hides_secrets(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), ENVIRON)
    with pytest.raises(ValueError, match="frozen"):
        config.server.port = 1  # type: ignore[misc]
    assert SECRET not in repr(config) + config.model_dump_json(serialize_as_any=True)


def test_defaults_and_absolute_folder(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "state: {folder: /var/lib/fieldgate}\nconnections: []\n"), {})
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8000)
    assert config.state.folder == Path("/var/lib/fieldgate")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connections: []\nservre: {}\n", "2: servre: unknown key (did you mean server?)"),
        ("connections: []\nserver:\n  prot: 1\n", "3: server.prot: unknown key (did you mean port?)"),
        ("connections: []\nserver: {zzz: 1}\n", "2: server.zzz: unknown key"),
        (
            "connections: []\nserver:\n  port: many\n",
            "3: server.port: should be a valid integer, unable to parse string as an integer",
        ),
        ("connections: []\nserver:\n  host: 12\n", "3: server.host: should be text: put it in quotes"),
        ("connections: []\nserver: 5\n", "2: server: should be a mapping of keys to values"),
        ("connections: {}\n", "1: connections: should be a list"),
        ("server: {}\n", "1: connections: required, and missing"),
        ("", "1: connections: required, and missing"),
        ("- a\n", "1: should be a mapping of sections: server, connections, …"),
        (
            "connections: []\nownership:\n  Customer.phone: ERP\n  customer.mail: CRM\n",
            "4: ownership.customer.mail: not Type.field, as in Customer.phone "
            "(types: Customer, Subscription, Invoice, Payment)",
        ),
        (
            "connections: []\nownership:\n  Customer.phone: Erp\n",
            "3: ownership.Customer.phone: should be 'CRM', 'CPQ', 'SUBSCRIPTIONS', 'ERP', 'PAYMENTS', 'TAX', "
            "'SUPPORT', 'USAGE' or 'GATEWAY'",
        ),
        (
            "connections:\n" + connection("      api_kye: x\n"),
            "8: connections[0].settings.api_kye: unknown key (did you mean api_key?)",
        ),
        (
            "connections:\n" + connection("      columns:\n        custmer: x\n"),
            "9: connections[0].settings.columns.custmer: unknown key (did you mean customer?)",
        ),
        (
            "connections:\n" + connection("      region: 77\n"),
            "8: connections[0].settings.region: should be text: put it in quotes",
        ),
        (
            "connections:\n" + connection(adapter="fakefroce"),
            "4: connections[0].adapter: unknown adapter 'fakefroce' (did you mean fakeforce?)",
        ),
        (
            "connections:\n" + connection(adapter="sap"),
            "4: connections[0].adapter: unknown adapter 'sap' (there are fakeforce, missing)",
        ),
        (
            "connections:\n" + connection(adapter="missing"),
            "4: connections[0].adapter: the adapter 'missing' needs the Python module "
            "tests.gateway.no_such_vendor, not installed here",
        ),
        (
            "connections:\n" + connection(system="PAYMENTS"),
            "3: connections[0].system: Fakeforce cannot be PAYMENTS; it can be CRM or ERP",
        ),
        (
            "connections:\n" + connection(name="CRM_1"),
            "2: connections[0].name: should be 1 to 32 of a-z, 0-9 and -",
        ),
        (
            "connections:\n" + connection() + connection(system="ERP"),
            "8: connections[1].name: 'crm' is the name of another, in line 2",
        ),
        (
            "connections:\n  - name: crm\n    system: CRM\n    adapter: fakeforce\n",
            "2: connections[0].settings.api_key: required, and missing",
        ),
        ("connections:\n  -\n", "2: connections[0]: should be a mapping of keys to values"),
    ],
)
def test_a_fault_names_line_and_key(tmp_path: Path, text: str, expected: str) -> None:
    messages = faults(tmp_path, text)
    assert f"fieldgate.yaml:{expected}" in messages
    if "adapter: fakeforce\n" not in text or "settings:" in text:
        assert len(messages) == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("server:\n  host: [1, 2\nport: 3\n", "3:5"),
        ("server:\n\thost: x\n", "2:1"),
        ("a: b: c\n", "1:5"),
        ("server: {}\nserver: {}\n", "2:1"),
        ("a: &a\n  b: *a\n", "1:4"),
        ("a: *nowhere\n", "1:4"),
        ("a: !!python/object/apply:os.system [ls]\n? [x]\n: 1\n", "2:3"),
        ("a: !shout b\n", "1:4"),
        ("a: 2026-99-99\n", "1:4"),
        ("a: b\n\x07\n", "2:1"),
        ("a: b\n---\nc: d\n", "2:1"),
    ],
)
def test_bad_yaml_has_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    (message,) = faults(tmp_path, text)
    assert message.startswith(f"fieldgate.yaml:{place}: ")


def test_bad_yaml_does_not_quote_the_line(tmp_path: Path) -> None:
    (message,) = faults(tmp_path, f"key: {SECRET}: {SECRET}\n")
    assert message == "fieldgate.yaml:1:25: not valid YAML: mapping values are not allowed here"


def test_every_fault_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "sever: {}\nconnections:\n" + connection("      regio: x\n", system="TAX") + "state: []\n"
    assert faults(tmp_path, text) == [
        "fieldgate.yaml:1: sever: unknown key (did you mean server?)",
        "fieldgate.yaml:4: connections[0].system: Fakeforce cannot be TAX; it can be CRM or ERP",
        "fieldgate.yaml:9: connections[0].settings.regio: unknown key (did you mean region?)",
        "fieldgate.yaml:10: state: should be a mapping of keys to values",
    ]


def test_references(tmp_path: Path) -> None:
    text = "connections:\n" + connection(
        '      columns: {customer: "a-${ONE}-${TWO:-two}-${EMPTY:-three}-$${FOUR}"}\n'
    )
    config = load_config(write(tmp_path, text), {"ONE": "1", "EMPTY": "", "FOUR": "no"})
    settings = config.connections[0].settings
    assert isinstance(settings, FakeSettings)
    assert settings.columns.customer == "a-1-two-three-${FOUR}"


def test_a_value_from_the_environment_stays_text(tmp_path: Path) -> None:
    text = "connections:\n" + connection("      columns: {customer: '${NUMBER}'}\n")
    settings = load_config(write(tmp_path, text), {"NUMBER": "0123"}).connections[0].settings
    assert isinstance(settings, FakeSettings)
    assert settings.columns.customer == "0123"


@pytest.mark.parametrize(
    ("reference", "environ", "expected"),
    [
        ("${KEY}", {}, "the environment variable KEY is not set"),
        ("${KEY}", {"KEY": ""}, "the environment variable KEY is empty (write ${KEY:-} if it may be)"),
        ("${1KEY}", {}, "'${' begins no reference: write ${NAME}, ${NAME:-default}, or $${ for the text"),
        (
            "${KEY",
            {"KEY": "x"},
            "'${' begins no reference: write ${NAME}, ${NAME:-default}, or $${ for the text",
        ),
    ],
)
def test_a_reference_that_cannot_be_filled(
    tmp_path: Path, reference: str, environ: dict[str, str], expected: str
) -> None:
    text = "connections:\n" + connection().replace("api_key: hunter2", f"api_key: '{reference}'")
    assert faults(tmp_path, text, **environ) == [
        f"fieldgate.yaml:7: connections[0].settings.api_key: {expected}"
    ]


def test_merged_keys_keep_their_own_lines(tmp_path: Path) -> None:
    text = (
        "connections:\n" + connection().replace("settings:\n", "settings: &usual\n      regoin: de\n")
    ) + "  - name: erp\n    system: ERP\n    adapter: fakeforce\n    settings:\n      <<: *usual\n"
    assert faults(tmp_path, text) == [
        f"fieldgate.yaml:6: connections[{index}].settings.regoin: unknown key (did you mean region?)"
        for index in (0, 1)
    ]


@pytest.mark.parametrize("written", ["${KEY}", "nothunter2-literal-secret"])
def test_a_vendors_own_message_does_not_show_the_secret(tmp_path: Path, written: str) -> None:
    text = "connections:\n" + connection().replace("api_key: hunter2", f"api_key: {written}")
    assert faults(tmp_path, text, KEY="no-" + SECRET) == [
        "fieldgate.yaml:7: connections[0].settings.api_key: *** is no key"
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file or directory"):
        load_config(tmp_path / "nowhere.yaml", {})
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Köln".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml: not UTF-8 text"):
        load_config(latin, {})


def _refused(text: str) -> list[str]:
    validator = jsonschema_rs.Draft202012Validator(config_schema())
    data: Any = yaml.safe_load(text)
    return ["/".join(map(str, error.instance_path)) for error in validator.iter_errors(data)]


@pytest.fixture
def only_fakeforce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ADAPTERS", {"fakeforce": "fake_vendor"})


@pytest.mark.usefixtures("only_fakeforce")
def test_schema_takes_what_the_gateway_takes() -> None:
    assert _refused(GOOD) == []
    assert _refused("connections: []\nserver: {port: 8000}\nstate: {folder: x}\n") == []


@pytest.mark.usefixtures("only_fakeforce")
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("connections: []\nserver: {prot: 1}\n", "server"),
        ("connections: []\nserver: {port: x}\n", "server/port"),
        ("connections: []\nownership: {Customer.phone: Erp}\n", "ownership/Customer.phone"),
        ("connections:\n" + connection("      api_kye: x\n"), "connections/0/settings"),
        ("connections:\n" + connection("      region: DE\n"), "connections/0/settings/region"),
        ("connections:\n" + connection(system="TAX"), "connections/0/system"),
        ("connections:\n" + connection(adapter="sap"), "connections/0/adapter"),
        ("connections:\n  - {name: a, system: CRM, adapter: fakeforce}\n", "connections/0"),
    ],
)
def test_schema_refuses_what_the_gateway_refuses(tmp_path: Path, text: str, place: str) -> None:
    assert _refused(text) == [place]
    assert faults(tmp_path, text)


@pytest.mark.usefixtures("real_vendors")
def test_checked_in_schema_is_the_schema_of_the_code(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert json.loads(SCHEMA_FILE.read_text()) == json.loads((tmp_path / "schema.json").read_text()), (
        "run: python -m gateway.settings_schema"
    )


@pytest.mark.usefixtures("real_vendors")
@pytest.mark.parametrize("name", sorted(registry.ADAPTERS))
def test_every_vendor_can_be_configured(tmp_path: Path, name: str) -> None:
    """The keys a vendor requires are asked for by name, and an unknown one is refused."""
    manifest = registry.manifest(name)
    system = min(manifest.systems, key=lambda role: role.value).value
    text = f"connections:\n  - {{name: a, system: {system}, adapter: {name}, settings: {{zzz_zzz: 1}}}}\n"
    required = [key for key, field in manifest.settings.model_fields.items() if field.is_required()]
    assert set(faults(tmp_path, text)) == {
        f"fieldgate.yaml:2: connections[0].settings.{key}: required, and missing" for key in required
    } | {"fieldgate.yaml:2: connections[0].settings.zzz_zzz: unknown key"}


@pytest.mark.usefixtures("real_vendors")
@pytest.mark.parametrize("name", sorted(registry.EMULATORS))
def test_settings_of_the_sandbox_pass_the_gateway_and_the_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(registry, "ADAPTERS", {name: registry.ADAPTERS[name]})
    emulator = registry.emulator(name)
    settings = dict(emulator.settings("http://127.0.0.1:8001"))
    entry = {"name": name, "system": emulator.system.value, "adapter": name, "settings": settings}
    text = yaml.safe_dump({"connections": [entry]})
    (connection,) = load_config(write(tmp_path, text), {}).connections
    assert connection.settings.root == "http://127.0.0.1:8001"
    assert _refused(text) == []
