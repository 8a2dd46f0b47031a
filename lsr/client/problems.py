"""A server's problem documents (RFC 9457) as the library's own errors, in the server's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from lsr.client.steps import Reply
from lsr.core.errors import (
    AccessError,
    ConflictError,
    IndexFormatError,
    InputError,
    LsrError,
    MissingDependencyError,
    ModelError,
    NotFoundError,
    ServerError,
)

_PREFIX = "urn:problem-type:lsr:"
_KINDS: dict[str, type[LsrError]] = {
    "model": ModelError,
    "index": IndexFormatError,
    "missing-dependency": MissingDependencyError,
    "not-found": NotFoundError,
}
_STATUSES: dict[int, type[LsrError]] = {
    401: AccessError,
    403: AccessError,
    409: ConflictError,
    412: ConflictError,
}
_WRONG_REQUEST = (400, 413, 415, 422)


def error_of(reply: Reply) -> LsrError:
    """The error that an answer of 3xx, 4xx or 5xx stands for, with the `request_id` by which the server knows it."""
    problem = _problem_in(reply)
    error = _error(reply.status, problem) if problem is not None else _foreign(reply)
    error.request_id = (problem or {}).get("request_id") or reply.headers.get("x-request-id")
    if error.request_id:
        error.add_note(f"the server knows this request as {error.request_id}")
    return error


def error_of_problem(problem: Mapping[str, Any]) -> LsrError:
    """The error of a problem document within an answer."""
    status = problem.get("status")
    return _error(status if isinstance(status, int) else 500, problem)


def _problem_in(reply: Reply) -> dict[str, Any] | None:
    if "json" not in reply.headers.get("content-type", ""):
        return None
    try:
        problem = json.loads(reply.body)
    except ValueError:
        return None
    return problem if isinstance(problem, dict) and isinstance(problem.get("detail"), str) else None


def _foreign(reply: Reply) -> LsrError:
    """What is not said as lsr says it: a proxy, or another server."""
    where = reply.headers.get("location")
    leads = f", and leads to {where}" if where else ""
    return ServerError(
        f"the server answered {reply.status}{leads}, without saying why, as a server of lsr does",
        remedies=["check the server's URL"],
    )


def _error(status: int, problem: Mapping[str, Any]) -> LsrError:
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered {status}")
    made = _KINDS.get(str(problem.get("type", "")).removeprefix(_PREFIX)) or _STATUSES.get(status)
    if made is not None:
        return made(detail)
    if status in _WRONG_REQUEST:
        return _input_error(detail, problem.get("errors") or [])
    return ServerError(detail)


def _input_error(detail: str, errors: Any) -> InputError:
    """The first mistake by its field, with the others in the words that follow."""
    found = [(_field_of(each), str(each.get("detail", ""))) for each in errors if isinstance(each, dict)]
    if not found or not found[0][0]:
        return InputError(detail)
    field, reason = found[0]
    # With its remedies, if it is one of the library's own errors.
    whole = detail.removeprefix(f"field {field!r}: ")
    if whole != detail:
        return InputError(whole, field=field)
    return InputError("; ".join([reason, *(f"{name}: {why}" for name, why in found[1:])]), field=field)


def _field_of(mistake: Mapping[str, Any]) -> str:
    """Where a mistake is: the parts of a JSON pointer, with dots between them, or the name of a parameter."""
    if "pointer" not in mistake:
        return str(mistake.get("parameter", ""))
    parts = str(mistake["pointer"]).removeprefix("#").split("/")[1:]
    return ".".join(unquote(part).replace("~1", "/").replace("~0", "~") for part in parts)
