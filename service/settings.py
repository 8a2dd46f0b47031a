"""The settings of the service, with defaults that suit a single machine, and where they come from."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lsr.core.cpus import allowed_cpus
from lsr.core.errors import InputError
from lsr.service.http.hosts import host_pattern
from lsr.service.settings_errors import first_mistake
from lsr.service.settings_file import read_toml

# Whether a page has this origin is decided by comparing it whole: a path, or a slash at its end, would never fit.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]+")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PREFIX = "LSR_"
_OTHERS = ("LSR_CACHE_DIR", "LSR_KEY", "LSR_SERVER")  # variables of the library and its clients


def _split(given: Any) -> Any:
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


def _no_bool(given: Any) -> Any:
    if isinstance(given, bool):
        raise ValueError(f"must be a number, not {str(given).lower()}")
    return given


_Number = BeforeValidator(_no_bool)  # to Python, true is 1
Count = Annotated[int, Field(ge=1), _Number]
CountOrNone = Annotated[int, Field(ge=0), _Number]
Seconds = Annotated[float, Field(ge=0.001, allow_inf_nan=False), _Number]
# In a variable they are separated by commas.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class ServiceSettings(BaseSettings):
    """Limits and behaviour of the HTTP service. InputError for a value that makes no sense, and for an unknown name.

    These are what is given, and else the defaults. `from_env` also reads a file, and for each setting the variable
    named `LSR_` plus its name in capitals, such as `LSR_MAX_K`.

    Attributes:
        max_k: the most hits one search may reach, `offset` included.
        max_text_length: the most characters of a query, or of one text to encode.
        max_texts: the most texts of one encode call, and the most searches of one batch.
        max_vector_terms: the most terms of a query vector. The heaviest SPLADE queries have a few hundred.
        max_rerank: the most hits that one search may have scored again.
        rerank: the model that re-ranks if a search asks for it: a cross-encoder, or "late" for the index's token
            vectors; empty for none. Clients cannot choose one.
        max_body_bytes: the most bytes of a request's body, announced or streamed, compressed or not.
        max_bulk_bytes: the most bytes of a body of documents, which is written as it arrives; each document has at most
            `max_body_bytes`.
        workers: processes that answer; if there are several, one more writes for them.
        search_threads: threads of a process that search and encode; 0 for one per processor core.
        queue: how many more requests may wait for a thread. Beyond that the answer is 429.
        cache_bytes: about how much memory of a process answers to searches may take, kept for those who ask the same
            again before anything is written; 0 for none.
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
        anonymous: whether all may ask without a key, from anywhere: for a server behind a proxy that authenticates.
        log_format: the request log on stderr: "text", "json" (one object a line) or "off".
        tracing: where traces are sent, the URL of a receiver of OTLP over HTTP; empty for nowhere.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    max_k: Count = 1000
    max_text_length: Count = 10_000
    max_texts: Count = 64
    max_vector_terms: Count = 4096
    max_rerank: Count = 100
    rerank: str = ""
    max_body_bytes: Count = 1 << 20
    max_bulk_bytes: Count = 1 << 30
    workers: Count = 1
    search_threads: CountOrNone = 0
    queue: CountOrNone = 64
    cache_bytes: CountOrNone = 32 << 20
    request_timeout: Seconds = 30.0
    head_timeout: Seconds = 10.0
    keep_alive_timeout: Seconds = 5.0
    max_connections: Count = 2048
    max_head_bytes: Count = 1 << 16
    retry_after: Count = 1
    shutdown_timeout: Seconds = 30.0
    allow_hosts: Names = ()
    root_path: str = ""
    cors_origins: Names = ()
    anonymous: bool = False
    log_format: Literal["text", "json", "off"] = "text"
    tracing: str = ""

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise first_mistake(error, list(type(self).model_fields)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The arguments alone: `from_env` adds the other sources, and names the one that a mistake is in."""
        return (init_settings,)

    @field_validator("allow_hosts")
    @classmethod
    def _hosts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if host_pattern(name) is None:
                raise ValueError(f"{name!r} is not the name of a host, such as search.example.org")
        return names

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin not in ("*", "null") and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin, such as https://app.example")
        return origins

    @field_validator("root_path")
    @classmethod
    def _root_path(cls, path: str) -> str:
        if path and not _PATH.fullmatch(path):
            raise ValueError(f"must be a path such as /search, not {path!r}")
        return path

    @field_validator("tracing")
    @classmethod
    def _receiver(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            # Not repeated: it may hold a password.
            raise ValueError("must be the URL of a receiver, such as http://localhost:4318")
        if parts.query or parts.fragment:
            # The exporter logs it whenever the receiver does not answer, with whatever token is in it.
            raise ValueError("must be without ? and #: what a receiver asks for goes in OTEL_EXPORTER_OTLP_HEADERS")
        return url

    @property
    def threads(self) -> int:
        """The number of threads that search, with `search_threads=0` resolved."""
        return self.search_threads or allowed_cpus()

    @classmethod
    def from_env(cls, config: str | Path | None = None, **given: Any) -> Self:
        """Settings from arguments other than None, else from `LSR_…` variables, else from `config`, a TOML file.

        InputError names the argument, the variable, or the file and its entry. MissingInputError if there is no file.
        """
        values: dict[str, Any] = {}
        if config is not None:
            values |= read_toml(config)
            try:
                cls(**values)
            except InputError as error:
                raise InputError(error.reason, source=str(config), field=error.field) from None
        variables = EnvSettingsSource(cls)()
        try:
            cls(**variables)
        except InputError as error:
            variable = f"{_PREFIX}{str(error.field).upper()}"
            raise InputError(f"the environment variable {variable}: {error.reason}") from None
        values |= variables
        return cls(**values | {name: value for name, value in given.items() if value is not None})

    @classmethod
    def misspelt(cls) -> dict[str, str]:
        """Variables that are nearly those of settings, which nothing reads, and the ones that were probably meant."""
        meant = {}
        for name in sorted(os.environ):
            if name.startswith(_PREFIX) and name not in _OTHERS:
                near = get_close_matches(name.removeprefix(_PREFIX).lower(), cls.model_fields, 1, cutoff=0.8)
                if near and (right := f"{_PREFIX}{near[0].upper()}") != name:
                    meant[name] = right
        return meant

    def changed(self) -> dict[str, Any]:
        """What differs from the defaults, fit to be logged: of the address of a receiver nothing that may be secret."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        found = {name: value for name, value in found.items() if value != type(self).model_fields[name].default}
        if "tracing" in found:
            parts = urlsplit(self.tracing)
            found["tracing"] = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return found
