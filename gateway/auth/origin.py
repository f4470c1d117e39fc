"""Origins of the pages that embed a widget."""

from __future__ import annotations

from urllib.parse import urlsplit


class BadOrigin(ValueError):
    """Not the origin of a page."""


def checked_origin(text: str) -> str:
    """An origin as browsers send it. Raises ``BadOrigin``."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadOrigin("not an origin, as in https://crm.example.com") from None
    loopback = host in ("localhost", "127.0.0.1", "::1")
    named = f"[{host}]" if host and ":" in host else host
    origin = f"{parts.scheme}://{named}{'' if port is None else f':{port}'}"
    if (
        not host
        or text.lower() != origin
        or not (parts.scheme == "https" or (parts.scheme == "http" and loopback))
    ):
        raise BadOrigin("not an https origin without a path, as in https://crm.example.com")
    return origin
