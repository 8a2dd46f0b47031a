"""What the OpenAPI document says of answers other than 200."""

from __future__ import annotations

from typing import Any

from lsr.service.http.openapi import problem

_LOCATION = {"Location": {"description": "The path of what was made.", "schema": {"type": "string"}}}

CONFLICT: dict[int | str, dict[str, Any]] = {
    409: problem("It does not go with what there is, or another process writes to the collection."),
}
PRECONDITION: dict[int | str, dict[str, Any]] = {412: problem("The document is not as `If-Match` says.")}
CREATED: dict[int | str, dict[str, Any]] = {201: {"headers": _LOCATION}, **CONFLICT}
GONE: dict[int | str, dict[str, Any]] = {204: {"description": "It is gone."}, **CONFLICT}
ACCEPTED: dict[int | str, dict[str, Any]] = {202: {"headers": _LOCATION}, **CONFLICT}
