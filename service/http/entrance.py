"""Which requests are let in: for this host, from this origin, framed beyond doubt."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from lsr.service.http.hosts import AllowedHosts, host_of
from lsr.service.http.problems import ProblemResponse

logger = logging.getLogger("lsr.service")

_CLOSE = {"Connection": "close"}
# The last two where another server than ours carries the application.
_VERSIONS = frozenset(("1.1", "1.0", "2", "3"))
# No body of 10^18 bytes arrives; beyond some thousand digits Python does not even read the number.
_MOST_DIGITS = 18


class _Refusal(NamedTuple):
    status: int
    detail: str
    close: bool = False


class Entrance:
    """ASGI middleware: refuses requests that another page, another name or another reading of HTTP has sent here.

    - 400 if it is not certain where the request ends (`Content-Length` beside `Transfer-Encoding`, two lengths, a
      transfer encoding in HTTP/1.0), or if it is not for one host. The connection is closed then: what follows might
      be taken for a request.
    - 421 for a `Host` that the server was not told to answer to. A page whose name its owner has pointed to this
      machine (DNS rebinding) could otherwise read everything, for to the browser both are the same origin.
    - 403 for an `Origin` other than the server's own and those of `origins`, and for what a page of another site
      loads without one (an image, a script). Links from other sites are followed.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self.app = app
        self._hosts = AllowedHosts(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                headers = _CLOSE if refusal.close else {}
                await ProblemResponse(scope, refusal.status, refusal.detail, headers=headers)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> _Refusal | None:
        hosts: list[str] = []
        lengths: list[bytes] = []
        coded = False
        origin = site = mode = None
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                coded = True
            elif name == b"origin":
                origin = value.decode("latin-1")
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"sec-fetch-mode":
                mode = value
        return (
            _framing(scope["http_version"], lengths, coded)
            or self._misdirected(scope, hosts)
            or self._foreign(hosts, origin, site, mode)
        )

    def _misdirected(self, scope: Scope, hosts: list[str]) -> _Refusal | None:
        if len(hosts) != 1:
            # HTTP/1.0 knows no Host; no browser speaks it.
            if not hosts and scope["http_version"] == "1.0":
                return None
            return _Refusal(400, f"a request has one Host header, not {len(hosts)}", close=True)
        (host,) = hosts
        server = scope.get("server")
        if self._hosts.allow(host, server[0] if server else None):
            return None
        if host_of(host) is None:
            return _Refusal(400, f"the Host header {host[:100]!r} is not the name of a host", close=True)
        logger.warning(
            "refused a request for the host %r, which allow_hosts (LSR_ALLOW_HOSTS) does not list", host[:100]
        )
        return _Refusal(
            421,
            f"this server does not answer to the name {host[:100]!r}: ask it by an address of its own or as localhost, "
            "or have its operator add the name to the setting allow_hosts",
        )

    def _foreign(self, hosts: list[str], origin: str | None, site: bytes | None, mode: bytes | None) -> _Refusal | None:
        if "*" in self._origins:
            return None
        if origin is None:
            if site != b"cross-site" or mode == b"navigate":
                return None
            told = "a page of another site"
        elif origin in self._origins or (hosts and _same(origin, hosts[0])):
            return None
        else:
            told = f"a page of {origin[:100]!r}"
        return _Refusal(
            403,
            f"{told} may not call this server: its operator can add the page's origin to the setting cors_origins",
        )


def _framing(version: str, lengths: list[bytes], coded: bool) -> _Refusal | None:
    if version not in _VERSIONS:
        return _Refusal(400, f"this server speaks HTTP/1.1 and HTTP/1.0, not HTTP/{version}", close=True)
    if coded and lengths:
        return _Refusal(400, "a request has either Content-Length or Transfer-Encoding, not both", close=True)
    if coded and version == "1.0":
        return _Refusal(400, "HTTP/1.0 has no Transfer-Encoding", close=True)
    if len(lengths) > 1:
        return _Refusal(400, f"a request has one Content-Length, not {len(lengths)}", close=True)
    if lengths and not (lengths[0].isdigit() and len(lengths[0].lstrip(b"0")) <= _MOST_DIGITS):
        return _Refusal(400, f"the Content-Length {lengths[0][:100]!r} is not a length in bytes", close=True)
    return None


def _same(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that it asks. A proxy may have ended TLS, so the scheme says nothing."""
    scheme, separator, authority = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme)
    if not separator or port is None:
        return False
    return authority.removesuffix(port) == host.lower().removesuffix(port)
