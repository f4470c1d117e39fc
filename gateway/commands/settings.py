"""The section ``commands`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from gateway.section import Section


class CommandSettings(Section):
    """How writes are worked off."""

    workers: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Writes under way at once to each connection, at most its own `max_concurrency`.",
    )
    deadline_h: float = Field(
        default=24, gt=0, le=24 * 30, description="Hours a command is tried before it is dead."
    )
    max_attempts: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="Attempts that had no answer and were found not done, before a command is dead. "
        "Attempts that never arrived, or were throttled, are bounded by the deadline only.",
    )
    caller_deadline_s: float = Field(
        default=5, ge=0, le=60, description="Seconds a caller waits for a write that runs at once."
    )
    lease_s: float = Field(
        default=30,
        ge=1,
        le=3600,
        description="Seconds after which the commands of a gateway that died go to another.",
    )
