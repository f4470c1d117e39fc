"""The section ``observability`` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from gateway.section import Section


def _http_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("not a URL such as http://collector:4318/v1/traces")
    return value


class ObservabilitySettings(Section):
    """Metrics, traces and the access log."""

    metrics: bool = Field(default=True, description="Whether `/metrics` is served.")
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Bearer token that `/metrics` asks for; without it, who reaches the port may read them.",
    )
    access_log: bool = Field(default=True, description="Whether each operation writes a line to the log.")
    traces_endpoint: Annotated[str, AfterValidator(_http_url)] | None = Field(
        default=None,
        description="Where traces go, by OTLP over HTTP, as in `http://collector:4318/v1/traces`; without it "
        "there are none. Needs the extra `otlp`.",
    )
    traces_headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers that the collector asks for."
    )
    traces_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of traces that is kept, where the caller's own trace does not decide.",
    )
    service_name: str = Field(default="fieldgate", min_length=1, description="The service's name in traces.")
