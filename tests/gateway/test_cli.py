"""Every command as a real process: what it prints, where, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from schema.ownership import declared_ownership
from tests.gateway.command import configured, connection, run

SCHEMA = Path(__file__).parents[2] / "docs" / "schema.graphql"


# Usage


def test_no_command_shows_the_commands() -> None:
    ended = run()
    assert ended.status == 2
    for command in ("sandbox", "serve", "doctor", "ownership", "schema", "version"):
        assert command in ended.text


@pytest.mark.parametrize("command", [("sandbox",), ("serve",), ("doctor",), ("schema", "print")])
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    ended = run(*command, "--help")
    assert (ended.status, ended.err) == (0, [])
    assert "Usage: fieldgate" in ended.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("serve", "--nope"),
        ("serve", "--port", "65536"),
        ("sandbox", "--customers", "39"),
        ("sandbox", "--seed", "x"),
    ],
)
def test_unknown_options_and_values(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert (ended.status, ended.out) == (2, [])
    assert "Error" in ended.text
    assert list(tmp_path.iterdir()) == []


def test_version() -> None:
    assert run("version").out == [__version__]


@pytest.mark.parametrize("module", ["gateway.cli", "gateway.settings"])
def test_the_command_and_its_configuration_load_nothing_large(module: str) -> None:
    """What takes most of a start is loaded by the commands that need it."""
    large = {"alembic", "graphql", "grpc", "httpx", "sqlalchemy", "starlette", "strawberry", "uvicorn"}
    code = f"import sys, {module}; print(*sorted({large} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# schema print, ownership


def test_schema_print_is_the_checked_in_schema() -> None:
    ended = run("schema", "print")
    assert (ended.status, ended.err) == (0, [])
    assert ended.out == SCHEMA.read_text().splitlines()


def test_schema_print_follows_the_configured_owners(tmp_path: Path) -> None:
    config = configured(
        tmp_path, connection("netsuite", "http://127.0.0.1:9"), ownership={"Customer.phone": "ERP"}
    )
    ended = run("schema", "print", "--config", config)
    assert ended.status == 0
    changed = set(ended.out) - set(SCHEMA.read_text().splitlines())
    (line,) = changed
    assert line.strip().startswith("phone: String @authority(system: ERP")


def test_ownership_names_every_field_in_full() -> None:
    ended = run("ownership")
    assert (ended.status, ended.err) == (0, [])
    assert ended.out[0].split() == ["Field", "System", "Vendor", "Written", "by"]
    rows = {line.split()[0]: line.split()[1:] for line in ended.out[1:]}
    assert list(rows) == [entry.key for entry in declared_ownership()]
    assert rows["Customer.name"][0] == "CRM"
    assert rows["Customer.receivables"][0] == "ERP"
    assert rows["Customer.recurringRevenue"][0] == "derived"


def test_ownership_with_a_configuration_names_vendors(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        connection("netsuite", "http://127.0.0.1:9"),
        connection("salesforce", "http://127.0.0.1:9"),
        ownership={"Customer.phone": "ERP"},
    )
    ended = run("ownership", "--config", config)
    rows = {line.split()[0]: line.split()[1:] for line in ended.out[1:]}
    assert rows["Customer.phone"][:2] == ["ERP", "netsuite"]
    assert rows["Customer.name"][:2] == ["CRM", "salesforce"]
    assert rows["Subscription.number"][:1] == ["SUBSCRIPTIONS"]
