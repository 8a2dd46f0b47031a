"""The OpenAPI document: FastAPI's, with the errors as they are really sent."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lsr.service.http.problems import MEDIA_TYPE
from lsr.service.schemas.problems import Problem

_REFERENCE = "#/components/schemas/{model}"
_RETRY = {"Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}}}


def problem(description: str, **more: Any) -> dict[str, Any]:
    """A problem document as an answer."""
    schema = {"$ref": _REFERENCE.format(model="Problem")}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}, **more}


NOT_READY: dict[int | str, dict[str, Any]] = {
    503: problem("Warming up, or not finished in time.", headers=_RETRY),
}
_ASKED = {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: problem("It cannot be read: the body is not JSON, say, or the request could mean two things."),
    401: problem("A key is needed, or the one that was given opens nothing.", headers=_ASKED),
    403: problem("The key's role or collections do not suffice."),
    404: problem("No such document or path."),
    413: problem("The body is too large."),
    415: problem("The body is of a type, or compressed in a way, that is not read here."),
    422: problem("A field is missing, unknown or out of range; `errors` says which."),
    429: problem("Every worker is busy and the queue is full, or the key has used its share.", headers=_RETRY),
    **NOT_READY,
}


def install(app: FastAPI) -> None:
    """Make the app's OpenAPI document describe problem documents."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = app.openapi_schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                # Older versions of FastAPI put the prefix of a mount here.
                servers=app.servers,
            )
            schemas = described["components"]["schemas"]
            # Where a server has keys; one without asks for none.
            described["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            described["security"] = [{"key": []}, {}]
            schemas["Problem"] = Problem.model_json_schema(ref_template=_REFERENCE)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
