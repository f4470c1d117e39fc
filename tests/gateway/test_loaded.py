"""What a gateway that needs it not does not load: it would lie in its memory, and lengthen every start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from gateway.store.database import MIGRATIONS, latest_revision

PROGRAM = """
import asyncio, pathlib, sys
from gateway.compose import compose
from gateway.settings import load_config

async def main():
    parts = await compose(load_config(pathlib.Path(sys.argv[1]), {}))
    await parts.aclose()

asyncio.run(main())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded(file: Path) -> set[str]:
    """The packages that are loaded once a gateway is put together."""
    command = [sys.executable, "-c", PROGRAM, str(file)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "fieldgate.yaml"
    file.write_text(f'{{"state": {{"folder": "{tmp_path / "state"}"}}, "connections": []}}')
    return file


def test_migrations_are_loaded_where_there_is_something_to_migrate(configuration: Path) -> None:
    assert "alembic" in loaded(configuration)
    assert "alembic" not in loaded(configuration)


def test_signatures_are_loaded_where_tokens_are_taken(configuration: Path) -> None:
    assert not {"joserfc", "cryptography"} & loaded(configuration)
    secret = "a" * 40
    configuration.write_text(
        configuration.read_text()[:-1] + f', "auth": {{"widget_tokens": {{"secret": "{secret}"}}}}}}'
    )
    assert "joserfc" in loaded(configuration)


def test_the_newest_migration_is_known_by_its_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert latest_revision() == ScriptDirectory.from_config(config).get_current_head()
