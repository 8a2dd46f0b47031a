"""A service below a path: behind a proxy that forwards `/search/…`, say."""

from __future__ import annotations

from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    """ASGI middleware: adds `path` to the root path, by which links and redirects are made.

    Requests may come with it, or without it where a proxy has taken it off.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            mounted = scope.get("root_path", "")
            rest = scope["path"].removeprefix(mounted)
            if rest != self.path and not rest.startswith(f"{self.path}/"):
                rest = self.path + rest
            scope = {**scope, "root_path": mounted + self.path, "path": mounted + rest}
        await self.app(scope, receive, send)


def path_to(scope: Scope, path: str) -> str:
    """Where the service has `path`, as the client sees it. A path alone: the `Host` of a request is not believed."""
    # Two slashes at the start would make the name of a host of what follows.
    return "/" + quote(scope.get("root_path", "").strip("/") + path).lstrip("/")
