"""Where a server is and how it is spoken to by httpx: what both clients share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

import lsr
from lsr.client.steps import Failure, Reply, Request
from lsr.core.arguments import kind_of, text_of
from lsr.core.errors import InputError

URL_VARIABLE, KEY_VARIABLE = "LSR_SERVER", "LSR_KEY"

_CONNECTING = 10.0
# Shorter than a server keeps a connection open that nobody uses: it might close it just as something is sent.
_IDLE = 3.0


@dataclass(frozen=True, slots=True)
class Connection:
    """A server's address, and how long it is waited for.

    Attributes:
        url: without a slash at its end.
        timeout: seconds in which an answer has to begin.
    """

    url: str
    key: str | None
    timeout: float

    @classmethod
    def of(cls, url: str | None, key: str | None, timeout: float) -> Connection:
        """With what the environment says where nothing is given. InputError for what is no address, or no key."""
        for name, value in (("url", url), ("key", key)):
            if value is not None:
                text_of(value, name)
        url = url or os.environ.get(URL_VARIABLE)
        if not url:
            raise InputError(f"which server? Give its URL, or set {URL_VARIABLE}", field="url")
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and httpx.URL(url)
        except (ValueError, httpx.InvalidURL):
            known = False
        if not known or parts.query or parts.fragment:
            raise InputError(f"must be an address such as http://localhost:8080, not {url!r}", field="url")
        key = key or os.environ.get(KEY_VARIABLE) or None
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise InputError("has characters that no key has", field="key")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise InputError(f"must be a number of seconds, above 0, not {kind_of(timeout)}", field="timeout")
        return cls(url.rstrip("/"), key, float(timeout))

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of httpx's clients."""
        headers = {"User-Agent": f"lsr/{lsr.__version__}", "Accept": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=_IDLE)
        return {"headers": headers, "timeout": self._timeout(None), "limits": limits}

    def arguments(self, request: Request) -> dict[str, Any]:
        """Arguments of `httpx.Client.request`."""
        headers = {} if request.content is None else {"Content-Type": request.media_type}
        return {
            "method": request.method,
            "url": self.url + request.path,
            "params": dict(request.params) or None,
            "content": request.content,
            "headers": headers,
            "timeout": self._timeout(request.patience),
        }

    def _timeout(self, patience: float | None) -> httpx.Timeout:
        seconds = self.timeout if patience is None else max(self.timeout, patience)
        return httpx.Timeout(seconds, connect=min(self.timeout, _CONNECTING))

    def failure(self, error: httpx.HTTPError, request: Request) -> Failure:
        """Why no answer came."""
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Failure(f"cannot reach {self.url} ({_words(error)})", again=True, reached=False)
        if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
            seconds = self._timeout(request.patience).read
            return Failure(f"{self.url} did not answer within {seconds:g} s", again=False)
        return Failure(f"the connection to {self.url} was lost ({_words(error)})", again=True)


def reply_of(response: httpx.Response) -> Reply:
    """An answer that has been read."""
    return Reply(response.status_code, response.headers, response.content)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
