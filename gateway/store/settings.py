"""The section ``state`` of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from gateway.section import Section


def _postgresql(value: SecretStr) -> SecretStr:
    # When there is one to look at: the database's libraries take a while to load.
    from gateway.store.database import postgresql_url

    postgresql_url(value.get_secret_value())
    return value


class StateSettings(Section):
    """What the gateway keeps, and where."""

    folder: Path = Field(
        default=Path(".fieldgate"),
        description="Folder of the gateway's SQLite files. Relative to the configuration file.",
    )
    database: Annotated[SecretStr, AfterValidator(_postgresql)] | None = Field(
        default=None,
        description="Database of the commands, their audit, and the events, as in "
        "`postgresql://user:password@host/database`; without it, a SQLite file in the folder. "
        "Gateways that share the work share the database.",
    )
