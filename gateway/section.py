"""What every section of the configuration is: closed to unknown keys, and never changed once read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the configuration file. Each setting has a description: the docs are made from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
