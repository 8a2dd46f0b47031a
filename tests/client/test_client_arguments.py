"""Arguments of the wrong kind, of the client: each is an InputError, and nothing is sent."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from lsr.client import AsyncClient, Client
from lsr.core.errors import InputError, LsrError

URL = "http://localhost:8080"
WRONG: list[Any] = [5, 2.5, b"x", [5], {"a": 1}, object(), True, np.zeros(3)]


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.method} {request.url} was sent")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_where_a_server_is(kind: type[Client] | type[AsyncClient]) -> None:
    for wrong in WRONG:
        for name in ("url", "key"):
            with pytest.raises(InputError, match=f"{name} must be a string, not"):
                kind(**{"url": URL, name: wrong})  # type: ignore[arg-type]
        with pytest.raises(InputError, match="the name of a collection must be a string"):
            kind(URL).collection(wrong)
        with pytest.raises(InputError, match="the id of a job must be a string"):
            kind(URL).job(wrong)
    for wrong in (None, "3", [3], True, 0, -1, float("nan")):
        with pytest.raises(InputError, match="timeout"):
            kind(URL, timeout=wrong)  # type: ignore[arg-type]
    for wrong in (None, "3", 2.5, -1, True):
        with pytest.raises(InputError, match="retries"):
            kind(URL, retries=wrong)  # type: ignore[arg-type]


def test_what_is_asked() -> None:
    with Client(URL, transport=httpx.MockTransport(nobody)) as client:
        birds = client.collection("birds")
        for wrong in (None, *WRONG):
            for call in (birds.get, birds.drop_snapshot, client.drop, client.drop_alias):
                with pytest.raises(InputError, match="must be a string"):
                    call(wrong)
            for two in (lambda w: birds.restore(w, "new"), lambda w: client.alias(w, "birds")):
                with pytest.raises(InputError, match="must be a string"):
                    two(wrong)
            with pytest.raises(InputError, match="a text to search for must be a string"):
                birds.search_many([wrong])
        for wrong in (None, 5, True, object()):
            for call in (birds.facets, birds.delete, birds.search_many, birds.add):
                with pytest.raises(InputError, match=r"list|Document"):
                    call(wrong)
            for name in ("dense_vector", "search_after"):
                if wrong is not None:
                    with pytest.raises(InputError, match=f"{name} must be a list"):
                        birds.search("owl", **{name: wrong})
        for wrong in (None, 5, "year", [("year", 1)], {1: 2}):
            with pytest.raises(LsrError, match=r"in fields must be a string|fields must be a dict"):
                birds.update_fields("owl", wrong)
