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
PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: problem("No such document or path."),
    413: problem("The body is too large."),
    422: problem("A field is missing, unknown or out of range; `errors` says which."),
    429: problem("Every worker is busy and the queue is full.", headers=_RETRY),
    **NOT_READY,
}


def install(app: FastAPI) -> None:
    """Make the app's OpenAPI document describe problem documents."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                # Older versions of FastAPI put the prefix of a mount here.
                servers=app.servers,
            )
            schemas = app.openapi_schema["components"]["schemas"]
            schemas["Problem"] = Problem.model_json_schema(ref_template=_REFERENCE)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
