"""Calls through a proxy of the company's network, by httpx, which knows how to speak to one.

``adapters.wire`` goes the direct way only: most connections do, and each of their calls counts. httpx's own
transport costs some twenty times as much, which a connection that needs a proxy pays.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

import httpx

from adapters.contracts.errors import Malformed, OutcomeUnknown, Unreachable
from adapters.wire.answer import Answer, Headers
from adapters.wire.connection import MAX_BODY_BYTES
from adapters.wire.pool import default_tls


class Proxied:
    """A pool of connections through one proxy. ``timeout_s`` bounds a whole call."""

    def __init__(
        self,
        proxy: str,
        *,
        timeout_s: float,
        max_connections: int,
        tls: ssl.SSLContext | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._http = httpx.AsyncClient(
            proxy=proxy,
            verify=tls or default_tls(),
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            follow_redirects=False,
            trust_env=False,
        )

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        """One request and its answer, unpacked.

        Raises ``Unreachable`` where the system was not reached, the proxy's own refusal included,
        ``OutcomeUnknown`` where the answer was lost, and ``Malformed`` for one beyond the limits or in a
        broken coding.
        """
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(method, url, headers=headers, content=content) as answer,
            ):
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > self._max_body_bytes:
                        raise Malformed(f"the answer is longer than {self._max_body_bytes} bytes")
                return Answer(answer.status_code, Headers.of(answer.headers.raw), bytes(body))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Unreachable(f"no connection through the proxy ({type(error).__name__})") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise OutcomeUnknown("no answer in time", timed_out=True) from error
        except httpx.DecodingError as error:
            raise Malformed("the answer's content encoding is broken") from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"the connection broke ({type(error).__name__})") from error

    async def aclose(self) -> None:
        await self._http.aclose()
