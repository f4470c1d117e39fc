"""The section ``documents`` of the configuration."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from pydantic import Field

from gateway.section import Section


class Trust(Enum):
    """What trusted documents are for.

    OFF:    there are none.
    PREFER: they are executed by their hash, and other documents as well.
    ONLY:   nothing else is executed.
    """

    OFF = "off"
    PREFER = "prefer"
    ONLY = "only"


class Introspection(Enum):
    """Who may read the schema by introspection, and is told names that are close to a wrong one."""

    EVERYONE = "everyone"
    SCOPE = "scope"


class DocumentSettings(Section):
    """Documents that clients ask for by their SHA-256 hash."""

    trusted: Trust = Field(
        default=Trust.OFF,
        description="Whether trusted documents are not used, are executed beside others, or are all that is "
        "executed.",
    )
    path: Path | None = Field(
        default=None,
        description="The trusted documents: a folder of `.graphql` files, or a JSON manifest of texts by "
        "hash (Apollo's form of it, too). Relative to the configuration file.",
    )
    introspection: Introspection = Field(
        default=Introspection.SCOPE,
        description="Who may read the schema: everyone, or whoever has the scope `schema:read`. Others get "
        "no suggestions in errors either.",
    )
    automatic: bool = Field(
        default=True,
        description="Whether a document that was sent with its hash is executed by the hash alone "
        "afterwards.",
    )
