"""Keys in all the wrong places: none of them comes back in an error, and none is logged. Nor is a path on disk told."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE

from lsr.core.errors import IndexFormatError, LsrError, ModelError
from lsr.service import ServiceSettings, create_app
from lsr.service.http.request_log import JsonFormatter, TextFormatter
from lsr.service.http.secrets import without_paths
from lsr.service.keys.key import Key
from lsr.service.keys.roles import Role
from lsr.service.keys.store import KeyStore

SECRET, KEY = Key.create(Role.READ)
HIDDEN = SECRET.rpartition("_")[2] if SECRET.count("_") == 2 else SECRET[15:]


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is written to the log, by each of its formatters."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if request.param == "json" else TextFormatter("%(message)s"))
    logger = logging.getLogger("lsr.service")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(level)


PLACES: list[dict[str, Any]] = [
    {"url": f"/v1/search?q=date&key={SECRET}"},
    {"url": f"/v1/search?{SECRET}=date"},
    {"url": f"/v1/search?q=date&mode={SECRET}"},
    {"url": f"/v1/search?q=date&filter={SECRET}"},
    {"url": f"/v1/documents/{SECRET}"},
    {"url": f"/{SECRET}"},
    {"url": f"/v1/index/{SECRET}/"},
    {"url": "/v1/index", "headers": {"X-Request-ID": SECRET}},
    {"url": "/v1/index", "headers": {"Host": SECRET}},
    {"url": "/v1/index", "headers": {"Origin": f"http://{SECRET}"}},
    {"url": "/v1/index", "headers": {"Authorization": SECRET}},
    {"url": "/v1/index", "headers": {"Authorization": f"Basic {SECRET}"}},
    {"url": "/v1/index", "headers": {"Authorization": f"Bearer {SECRET}"}},
    {"url": "/v1/index", "headers": {"X-API-Key": SECRET}},
    {"url": "/v1/index", "headers": {"traceparent": SECRET}},
    {"url": "/v1/index", "headers": {"Cookie": f"key={SECRET}"}},
    {"url": "/v1/search", "method": "POST", "json": {"text": "date", "mode": SECRET}},
    {"url": "/v1/search", "method": "POST", "json": {"text": "date", SECRET: 1}},
    {"url": "/v1/search", "method": "POST", "json": {"text": "date", "k": SECRET}},
    {"url": "/v1/search", "method": "POST", "json": {"text": "date", "filter": {SECRET: SECRET}}},
    {"url": "/v1/search", "method": "POST", "json": {"vector": {SECRET: 1.0}}},
    {"url": "/v1/search", "method": "POST", "content": SECRET.encode()},
    {"url": "/v1/search", "method": "POST", "content": b"{}", "headers": {"Content-Encoding": SECRET}},
    {"url": "/v1/search", "method": "POST", "content": b"{}", "headers": {"Content-Type": SECRET}},
    {"url": f"/v1/search?{quote(SECRET)}", "method": "DELETE"},
]


@pytest.mark.parametrize("with_keys", [False, True])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place).replace(SECRET, "KEY")[:60])
def test_a_key_in_the_wrong_place_is_neither_repeated_nor_logged(
    tmp_path: Path, log: io.StringIO, place: dict[str, Any], with_keys: bool
) -> None:
    store = KeyStore(tmp_path)
    allowed = {}
    if with_keys:
        allowed = {"Authorization": f"Bearer {store.create(Role.READ)[0]}"}
    app = create_app(FakeSearcher(), keys=store)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        asked = {"method": "GET", **place}
        answers = [client.request(**asked, follow_redirects=False)]
        asked["headers"] = {**allowed, **asked.get("headers", {})}
        answers.append(client.request(**asked, follow_redirects=False))
    for answer in answers:
        if answer.status_code >= 400:
            assert HIDDEN not in answer.text and HIDDEN not in str(answer.headers), answer.text
        assert HIDDEN not in answer.headers["x-request-id"]
    written = log.getvalue()
    assert written and HIDDEN not in written
    assert all(value.removeprefix("Bearer ") not in written for value in allowed.values())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (IndexFormatError("/srv/data/books/segment-1/terms.bin: is damaged"), "terms.bin: is damaged"),
        (ModelError("/home/me/models/own holds no model"), "own holds no model"),
        (LsrError("cannot read /srv/a.b/c-d/e f"), "cannot read e f"),
    ],
)
def test_an_error_tells_no_path_of_this_machine(log: io.StringIO, error: LsrError, told: str) -> None:
    def fail(text: str) -> None:
        raise error

    app = create_app(FakeSearcher(fail), ServiceSettings())
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.service.warm_up.join(PATIENCE)
        answer = client.get("/v1/search?q=date")
    assert answer.status_code == error.http_status
    assert answer.json()["detail"] == told
    # The operator needs to know which file it is.
    assert error.problem in log.getvalue()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/a/b/c: no", "c: no"),
        ("'/a/b/c' and /d/e", "'c' and e"),
        ("~/models/own", "own"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("and/or 1/2/3", "and/or 1/2/3"),
        ("/root", "/root"),
    ],
)
def test_what_is_taken_for_a_path(text: str, left: str) -> None:
    assert without_paths(text) == left
