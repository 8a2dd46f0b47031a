"""Every error as a problem document (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Match
from starlette.types import Scope

from lsr.core.errors import (
    ConflictError,
    IndexFormatError,
    InputError,
    LsrError,
    MissingDependencyError,
    ModelError,
    NotFoundError,
    OutputExistsError,
)
from lsr.service.http.errors import (
    ClientGoneError,
    MalformedBodyError,
    NotReadyError,
    OverloadedError,
    PreconditionError,
    TimedOutError,
    UnavailableError,
)
from lsr.service.http.prefix import path_to
from lsr.service.http.routes import endpoint_routes
from lsr.service.http.secrets import without_keys, without_paths

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:problem-type:lsr:"

# A body can contain a hundred thousand mistakes; nobody reads more than the first few.
_MOST_ERRORS = 16

_KINDS: dict[type[LsrError], tuple[str, str]] = {
    InputError: ("invalid-input", "Invalid input"),
    ModelError: ("model", "The model cannot do this"),
    IndexFormatError: ("index", "The index cannot be read"),
    OutputExistsError: ("exists", "Already exists"),
    MissingDependencyError: ("missing-dependency", "An optional package is missing"),
    NotFoundError: ("not-found", "Not found"),
    NotReadyError: ("not-ready", "Not ready"),
    OverloadedError: ("overloaded", "Too many requests"),
    TimedOutError: ("timed-out", "Timed out"),
    ConflictError: ("conflict", "Conflict"),
    PreconditionError: ("precondition-failed", "Changed meanwhile"),
    MalformedBodyError: ("malformed-json", "Malformed JSON"),
    ClientGoneError: ("client-gone", "Client closed the connection"),
}

logger = logging.getLogger("lsr.service")


class ProblemResponse(Response):
    """A problem document for the request in `scope`; `kind` None is RFC 9457's about:blank: the status says it all."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        scope: Scope,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        title: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        problem: dict[str, Any] = {
            "type": _TYPE_PREFIX + kind if kind else "about:blank",
            "title": title or HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": quote(scope["path"]),
            "request_id": scope.get("state", {}).get("request_id"),
        }
        if errors:
            problem["errors"] = list(errors)
        # What a client sent is repeated to it, but for keys, which stand in the wrong place then.
        super().__init__(without_keys(orjson.dumps(problem).decode()).encode(), status, headers)


def install(app: FastAPI) -> None:
    """Make the app answer every error that a handler raises with a problem document.

    Unexpected exceptions are answered by `RequestLog`, the outermost layer.
    """
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(LsrError, _lsr_error)


async def problem_of(request: Request, error: Exception) -> Response:
    """The problem document of a request that is not as it should be, or of an error of the library."""
    return await (_lsr_error if isinstance(error, LsrError) else _invalid_request)(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, headers = quote(request.scope["path"]), error.headers
    if error.status_code == 404:
        without_slash = _without_slash(request)
        if without_slash is not None:
            return RedirectResponse(without_slash)
        detail = f"there is nothing at {path}: GET {path_to(request.scope, '/openapi.json')} lists all endpoints"
    elif error.status_code == 405:
        headers = {**(headers or {}), "Allow": ", ".join(_allowed(request))}
        detail = f"{path} does not support the method {request.method}"
    else:
        detail = error.detail
    return ProblemResponse(request.scope, error.status_code, detail, headers=headers)


def _allowed(request: Request) -> list[str]:
    """The methods of all routes for the path of a request: each route of the framework knows its own alone."""
    routes = endpoint_routes(request.app)
    found = {
        method for route in routes if route.matches(request.scope)[0] is not Match.NONE for method in route.methods
    }
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _without_slash(request: Request) -> str | None:
    """The path and query for a request of a path with a slash too many at its end, if there is something."""
    scope = request.scope
    stripped = {**scope, "path": scope["path"].rstrip("/")}
    if stripped["path"] == scope["path"]:
        return None
    if all(route.matches(stripped)[0] is Match.NONE for route in request.app.router.routes):
        return None
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    mounted = scope.get("root_path", "")
    return path_to(scope, stripped["path"].removeprefix(mounted)) + query


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    first = found[0]
    if first["type"] == "json_invalid":
        detail = f"the body is not valid JSON: {first['ctx']['error']} at character {first['loc'][1]}"
        return ProblemResponse(request.scope, 400, detail, kind="malformed-json", title="Malformed JSON")
    if first["loc"] == ("body",) and isinstance(first.get("input"), bytes):
        # The framework passes the bytes on, unparsed, if they are not declared as JSON.
        detail = "send the body as JSON, with the header Content-Type: application/json"
        return ProblemResponse(request.scope, 415, detail)
    errors = [{"detail": _message(item), **_place(item["loc"])} for item in found[:_MOST_ERRORS]]
    told = "; ".join(f"{item.get('pointer', item.get('parameter', ''))}: {item['detail']}" for item in errors[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return ProblemResponse(
        request.scope, 422, told + more, kind="invalid-request", title="Invalid request", errors=errors
    )


async def _lsr_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LsrError)
    kind, title = next((_KINDS[base] for base in type(error).__mro__ if base in _KINDS), ("error", "Error"))
    errors = []
    # Errors name files by their paths, for whoever has the disk before them.
    hide = request.app.state.root.hide
    if isinstance(error, InputError) and error.field is not None:
        errors = [{"detail": hide(error.reason), **_place(("body", *error.field.split(".", 1)))}]
    headers = {}
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = str(request.app.state.settings.retry_after)
    detail = hide(error.message())
    if not isinstance(error, (InputError, NotFoundError)):
        # These are about the request; all others may name files of this machine, which are its operator's to know.
        detail, told = without_paths(detail), detail
        if detail != told:
            logger.warning("request %s: %s", request.scope.get("state", {}).get("request_id"), told)
    return ProblemResponse(
        request.scope, error.http_status, detail, kind=kind, title=title, errors=errors, headers=headers
    )


def _message(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such field"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _place(location: Sequence[str | int]) -> dict[str, str]:
    """The place in the request: a JSON pointer into the body (RFC 6901, as a URI fragment), or a parameter's name."""
    source, *path = location
    if source != "body":
        return {"parameter": ".".join(map(str, path))}
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return {"pointer": "#" + "".join("/" + quote(part, safe="~", errors="replace") for part in parts)}
