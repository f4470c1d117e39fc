"""The operator's commands, on the database of a configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from adapters.contracts.writes import Verb
from gateway.cli_commands import audit, commands_app
from gateway.store.database import sqlite_url
from resolvers.ids import encode_command_id
from tests.commands.world import Fate, new, world_on

app = typer.Typer()
app.add_typer(commands_app, name="commands")
app.command()(audit)


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One command that was rejected, and one that waits."""
    (tmp_path / "fieldgate.yaml").write_text("connections: []\n")
    monkeypatch.chdir(tmp_path)

    async def submit() -> list[str]:
        async with world_on(sqlite_url(tmp_path / ".fieldgate" / "state.sqlite")) as (world, engine):
            world.systems["crm"].fates.append(Fate.REJECTED)
            return [(await engine.submit(each)).id for each in (new(), new(Verb.POST_INVOICE, "[7]"))]

    return asyncio.run(submit())


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


def test_list_and_show(accepted: list[str]) -> None:
    rejected, waiting = accepted
    listed = run("commands", "list")
    assert listed.index(waiting) < listed.index(rejected)
    assert "[7]" in listed
    assert "Rejected: bad_plan: no such plan" in listed
    assert waiting not in run("commands", "list", "--status", "REJECTED")
    assert rejected not in run("commands", "list", "--kind", "postInvoice")
    assert "More than 1" in run("commands", "list", "--limit", "1")
    shown = run("commands", "show", encode_command_id(rejected))
    assert "Status           REJECTED" in shown
    assert "Rejected: no such plan" in shown
    assert run("commands", "show", "none", code=2).strip() == "there is no such command"


def test_cancel_replay_and_audit(accepted: list[str]) -> None:
    rejected, waiting = accepted
    assert "cannot be replayed" in run("commands", "replay", rejected, code=2)
    assert "CANCELLED" in run("commands", "cancel", waiting)
    assert "cannot be cancelled" in run("commands", "cancel", waiting, code=2)
    lines = run("audit")
    assert "operator:" in lines
    assert "ACCEPTED > CANCELLED" in lines
    assert "555" not in lines
    assert waiting not in run("audit", "--command", rejected)
