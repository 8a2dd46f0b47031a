"""The page at `/`, and the style sheets and scripts that it loads.

They lie in `static/` as they are sent: there is nothing to build, and the page asks nothing of other servers.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from lsr.service.http.prefix import path_to
from lsr.service.keys.roles import Role, needs

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Scripts and styles from here alone, none within the page. Trusted types make the browser refuse any script that would
# turn a string into markup: what documents contain is shown as text.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
# The page is asked for each time. What it loads is named by a digest of it all, so that a browser never has the half of
# one version and the half of another.
_PAGE = {
    **_SAFE,
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FILE = {**_SAFE, "Cache-Control": "public, max-age=31536000, immutable"}


class _Files(NamedTuple):
    """The page, and the files that it loads, by name; `digest` is of them all."""

    page: bytes
    others: dict[str, bytes]
    digest: str


@cache
def _files() -> _Files:
    found = {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}
    digest = sha256(b"\0".join(part for name, body in found.items() for part in (name.encode(), body))).hexdigest()[:16]
    page = found.pop("index.html").replace(b'="web/', f'="web/{digest}/'.encode())
    return _Files(page, found, digest)


@router.api_route("/", methods=["GET", "HEAD"])
@needs(Role.ANYONE)
async def page(request: Request) -> Response:
    """The page. What it shows, it asks for as any client does, with a key where there are some."""
    if not request.scope["path"].endswith("/"):  # mounted, and asked for without a slash, where relative links mislead
        return RedirectResponse(path_to(request.scope, "/"))
    files = _files()
    return _answer(request, files.page, ".html", f'"{files.digest}"', _PAGE)


@router.api_route("/web/{digest}/{name}", methods=["GET", "HEAD"])
@needs(Role.ANYONE)
async def file(request: Request, digest: str, name: str) -> Response:
    """A style sheet, a script or a picture of the page."""
    files = _files()
    if digest != files.digest or name not in files.others:
        raise HTTPException(404)
    return _answer(request, files.others[name], Path(name).suffix, f'"{digest}"', _FILE)


def _answer(request: Request, body: bytes, suffix: str, tag: str, headers: dict[str, str]) -> Response:
    headers = {**headers, "ETag": tag}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_TYPES[suffix])
