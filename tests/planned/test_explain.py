"""What a plan says of itself, and what the docs say of plans."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from resolvers.planned.fallback import REASONS

CONFIG = Path(__file__).parents[1] / "bench" / "fieldgate.yaml"
DOCS = Path(__file__).parents[2] / "docs" / "planning.md"

QUERY = """query ($id: ID!) { customer(id: $id) { name receivables { onHold }
  subscriptions(first: 3) { nodes { invoices(first: 2) { nodes { number payments { nodes { id } } } } } }
} }"""


@pytest.fixture
def explained(tmp_path: Path) -> str:
    file = tmp_path / "query.graphql"
    file.write_text(QUERY)
    done = CliRunner().invoke(app, ["explain", str(file), "--config", str(CONFIG)])
    assert done.exit_code == 0, done.output
    return done.output


def test_explain_shows_rounds_keys_and_fields(explained: str) -> None:
    first, second = re.split(r"^round 2\n", explained, flags=re.MULTILINE)
    assert {line.split(":")[0].strip() for line in first.splitlines()[1:]} == {"crm", "erp", "subs"}
    assert "Invoice by customer_in_crm" in first
    assert "Payment by invoice_in_erp (up to 250 a call)" in second
    assert second.splitlines()[-2:] == ["assembled by generated code", "estimated at 130 points"]
    # What nobody selected is not asked for.
    assert "email" not in explained


def test_explain_says_why_there_is_no_plan(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    file.write_text("{ __schema { types { name } } }")
    done = CliRunner().invoke(app, ["explain", str(file), "--config", str(CONFIG)])
    assert done.output == f"not planned: {REASONS['introspection']}\nestimated at 100 points\n"


def test_every_reason_is_in_the_docs() -> None:
    text = DOCS.read_text()
    assert all(f"| `{reason}` | {why} |" in text for reason, why in REASONS.items())
