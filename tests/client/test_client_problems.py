"""The server's problem documents as the library's errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scripted_server import Answer, scripted

from lsr.client import Client
from lsr.client.problems import error_of
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
    OutputExistsError,
    ServerError,
)


def error(status: int, kind: str | None = None, detail: str = "so it is", **more: Any) -> LsrError:
    kind = f"urn:problem-type:lsr:{kind}" if kind else "about:blank"
    body = {"type": kind, "status": status, "detail": detail, "request_id": "r-1", **more}
    return error_of(Reply(status, {"content-type": "application/problem+json"}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("status", "kind", "made"),
    [
        (400, "malformed-json", InputError),
        (413, None, InputError),
        (415, None, InputError),
        (422, "invalid-request", InputError),
        (422, "invalid-input", InputError),
        (400, "model", ModelError),
        (500, "index", IndexFormatError),
        (501, "missing-dependency", MissingDependencyError),
        (404, "not-found", NotFoundError),
        (401, None, AccessError),
        (403, None, AccessError),
        (409, "conflict", ConflictError),
        (412, "precondition-failed", ConflictError),
        (429, "overloaded", ServerError),
        (503, "not-ready", ServerError),
        (500, None, ServerError),
        (404, None, ServerError),
    ],
)
def test_a_problem_is_an_error_of_its_own_kind(status: int, kind: str | None, made: type[LsrError]) -> None:
    found = error(status, kind)
    assert type(found) is made
    assert (str(found), found.request_id) == ("so it is", "r-1")
    assert any("r-1" in note for note in found.__notes__)


def test_who_caught_it_here_catches_it_there() -> None:
    assert isinstance(error(409, "conflict"), OutputExistsError)


def test_a_mistake_is_told_with_its_field() -> None:
    found = error(422, "invalid-request", "#/k: at most 1,000", errors=[{"detail": "at most 1,000", "pointer": "#/k"}])
    assert isinstance(found, InputError)
    assert (found.field, str(found)) == ("k", "field 'k': at most 1,000")
    several = [{"detail": "one", "pointer": "#/a~1b/c%20d"}, {"detail": "two", "parameter": "q"}]
    found = error(422, "invalid-request", "…", errors=several)
    assert isinstance(found, InputError)
    assert (found.field, found.reason) == ("a/b.c d", "one; q: two")


def test_remedies_are_told() -> None:
    detail = "field 'filter': there is no field 'yaer'; did you mean year"
    found = error(422, "invalid-input", detail, errors=[{"detail": "there is no field 'yaer'", "pointer": "#/filter"}])
    assert isinstance(found, InputError)
    assert (found.field, str(found)) == ("filter", detail)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "text/html"}, b"<h1>404</h1>"),
        ({"content-type": "application/json"}, b"{"),
        ({"content-type": "application/json"}, b"[]"),
        ({}, b""),
    ],
)
def test_another_server_is_told_apart(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(ServerError, match=r"answered 404, without saying why, as a server of lsr does; check"):
        raise error_of(Reply(404, headers, body))


@pytest.mark.parametrize("body", [{}, [], "text", {"collections": [{}]}, {"hits": [{}]}, {"hits": [], "mode": "exact"}])
def test_an_answer_of_another_kind_is_told(body: Any) -> None:
    with scripted(Answer(body)) as script, Client(script.url) as client:
        birds = client.collection("birds")
        for ask in (
            client.collections,
            lambda: birds.search("terns"),
            lambda: birds.get("tern"),
            lambda: birds.delete("tern"),
            lambda: birds.count(filter="year = 2020"),
            lambda: client.collection().describe(),
        ):
            with pytest.raises(ServerError, match="something else than a server of lsr does; check the server's URL"):
                ask()


def test_a_redirection_is_told() -> None:
    found = error_of(Reply(307, {"location": "https://elsewhere.example"}, b""))
    assert "leads to https://elsewhere.example" in str(found)
