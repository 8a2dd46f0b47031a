"""The limits of the service, with defaults that suit a single machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_type_hints

from lsr.core.errors import InputError
from lsr.service.http.hosts import host_pattern

# Whether a page has this origin is decided by comparing it whole: a path, or a slash at its end, would never fit.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]+")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Limits and behaviour of the HTTP service. InputError for a value that makes no sense.

    `from_env` reads each of them from the variable named `LSR_` plus its name in capitals, such as `LSR_MAX_K`.

    Attributes:
        max_k: the most hits one search may reach, `offset` included.
        max_text_length: the most characters of a query, or of one text to encode.
        max_texts: the most texts of one encode call, and the most searches of one batch.
        max_vector_terms: the most terms of a query vector. The heaviest SPLADE queries have a few hundred.
        max_rerank: the most hits that one search may have scored again.
        rerank: the model that re-ranks if a search asks for it: a cross-encoder, or "late" for the index's token
            vectors; empty for none. Clients cannot choose one.
        max_body_bytes: the most bytes of a request's body, announced or streamed.
        max_bulk_bytes: the most bytes of a body of documents, which is written as it arrives; each document has at most
            `max_body_bytes`.
        workers: threads that search and encode; 0 for one per processor core.
        queue: how many more requests may wait for a thread. Beyond that the answer is 429.
        request_timeout: seconds that a request's body may take to arrive, and again to be processed, waiting included,
            and again in which a client takes at least 64 KiB of an answer.
        head_timeout: seconds that a request's line and headers may take to arrive.
        keep_alive_timeout: seconds that a connection may be idle between two requests.
        max_connections: the most connections at once. Beyond that the one that has waited longest for its client is
            closed. Fewer are allowed where the system allows fewer open files.
        max_head_bytes: the most bytes of a request's line and headers.
        retry_after: seconds that a refused client is asked to wait.
        shutdown_timeout: seconds that requests under way get to finish when the server is stopped.
        allow_hosts: names that requests may be addressed to (`Host`), besides localhost, 127.0.0.1, ::1 and the
            server's own address; "*.example.org" allows all within example.org, "*" any.
        root_path: the path below which a proxy serves this, such as "/search"; empty for none.
        cors_origins: origins whose pages may call the service from a browser; "*" allows all, none is the default.
        log_format: the request log on stderr: "text", "json" (one object a line) or "off".
    """

    max_k: int = 1000
    max_text_length: int = 10_000
    max_texts: int = 64
    max_vector_terms: int = 4096
    max_rerank: int = 100
    rerank: str = ""
    max_body_bytes: int = 1 << 20
    max_bulk_bytes: int = 1 << 30
    workers: int = 0
    queue: int = 64
    request_timeout: float = 30.0
    head_timeout: float = 10.0
    keep_alive_timeout: float = 5.0
    max_connections: int = 2048
    max_head_bytes: int = 1 << 16
    retry_after: int = 1
    shutdown_timeout: float = 30.0
    allow_hosts: tuple[str, ...] = ()
    root_path: str = ""
    cors_origins: tuple[str, ...] = ()
    log_format: Literal["text", "json", "off"] = "text"

    def __post_init__(self) -> None:
        may_be_zero = {"workers", "queue"}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)):
                least = 0 if field.name in may_be_zero else 1 if isinstance(value, int) else 0.001
                if not value >= least:
                    raise InputError(f"must be at least {least}, not {value}", field=field.name)
        if self.log_format not in ("text", "json", "off"):
            raise InputError(f"must be text, json or off, not {self.log_format!r}", field="log_format")
        for name in self.allow_hosts:
            if host_pattern(name) is None:
                raise InputError(f"{name!r} is not the name of a host, such as search.example.org", field="allow_hosts")
        for origin in self.cors_origins:
            if origin not in ("*", "null") and not _ORIGIN.fullmatch(origin):
                raise InputError(f"{origin!r} is no origin, such as https://app.example", field="cors_origins")
        if self.root_path and not _PATH.fullmatch(self.root_path):
            raise InputError(f"must be a path such as /search, not {self.root_path!r}", field="root_path")

    @property
    def threads(self) -> int:
        """The number of worker threads, with `workers=0` resolved."""
        return self.workers or os.cpu_count() or 1

    @classmethod
    def from_env(cls, **given: Any) -> ServiceSettings:
        """Settings from `LSR_…` variables; arguments other than None take precedence."""
        values = {name: value for name, value in given.items() if value is not None}
        hints = get_type_hints(cls)
        for field in fields(cls):
            variable = f"LSR_{field.name.upper()}"
            raw = os.environ.get(variable)
            if raw is not None and field.name not in values:
                values[field.name] = _parse(raw, hints[field.name], variable)
        return cls(**values)


def _parse(raw: str, kind: Any, variable: str) -> Any:
    if kind not in (int, float):
        return tuple(part.strip() for part in raw.split(",") if part.strip()) if kind == tuple[str, ...] else raw
    try:
        return kind(raw)
    except ValueError:
        raise InputError(f"the environment variable {variable} must be a number, not {raw!r}") from None
