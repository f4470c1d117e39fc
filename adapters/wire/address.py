"""Where requests go: one origin, and the path in front of every other."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """An origin. ``authority`` is what the Host header says of it."""

    host: str
    port: int
    tls: bool
    authority: str


@dataclass(frozen=True, slots=True)
class Base:
    """A base URL: its origin, its path without a trailing slash, and the credentials that stand in it."""

    address: Address
    path: str
    authorization: str | None


def parse_base(url: str) -> Base:
    """The parts of an ``http`` or ``https`` URL. Raises ``ValueError`` for any other."""
    parts = urlsplit(url)
    default = _PORTS.get(parts.scheme)
    if default is None or not parts.hostname:
        raise ValueError("not an http or https URL with a host")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    port = default if parts.port is None else parts.port
    named = f"[{host}]" if ":" in host else host
    authority = named if port == default else f"{named}:{port}"
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Base(
        Address(host, port, parts.scheme == "https", authority), parts.path.rstrip("/"), authorization
    )


def is_absolute(path: str) -> bool:
    """Whether this is a URL of its own and no path."""
    return path.startswith(("http://", "https://"))
