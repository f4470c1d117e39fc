"""One path that is found without a router: most of all requests go there."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Direct:
    """Hands HTTP requests for exactly ``path`` to ``endpoint``, and everything else on.

    The endpoint must answer whatever happens: nothing around it turns an exception into an answer.
    """

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._path:
            await self._endpoint(scope, receive, send)
        else:
            await self._app(scope, receive, send)
