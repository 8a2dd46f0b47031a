"""Who is let in: every endpoint by every role, and what is said to the others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from patience import PATIENCE
from raw_http import connect, read_all, running

from lsr.service import ServiceSettings, create_app
from lsr.service.http.routes import endpoint_routes
from lsr.service.keys.access import Access, Guard, is_loopback
from lsr.service.keys.key import Key
from lsr.service.keys.keyring import Keyring
from lsr.service.keys.roles import Needs, Role, needs_of
from lsr.service.keys.store import KeyStore

OF_ONE = "/v1/collections/{collection}"
OF_COLLECTIONS = (
    ("GET", "/search"),
    ("POST", "/search"),
    ("POST", "/search/batch"),
    ("POST", "/explain"),
    ("POST", "/encode"),
    ("GET", "/documents/{id:anything}"),
    ("GET", "/terms/{id:anything}"),
)
LEAST = {
    ("GET", "/"): Role.ANYONE,
    ("GET", "/web/{digest}/{name}"): Role.ANYONE,
    ("GET", "/docs"): Role.READ,
    ("GET", "/openapi.json"): Role.READ,
    ("GET", "/healthz"): Role.ANYONE,
    ("GET", "/readyz"): Role.ANYONE,
    ("GET", "/metrics"): Role.READ,
    ("GET", "/v1/index"): Role.READ,
    **{(method, f"{under}{path}"): Role.READ for under in ("/v1", OF_ONE) for method, path in OF_COLLECTIONS},
    ("GET", "/v1/collections"): Role.READ,
    ("POST", "/v1/collections"): Role.ADMIN,
    ("GET", OF_ONE): Role.READ,
    ("DELETE", OF_ONE): Role.ADMIN,
    **{("POST", f"{OF_ONE}/{path}"): Role.READ for path in ("count", "facets")},
    **{("POST", f"{OF_ONE}/{path}"): Role.WRITE for path in ("documents", "delete")},
    **{(method, f"{OF_ONE}/documents/{{id:anything}}"): Role.WRITE for method in ("PATCH", "DELETE")},
    **{("POST", f"{OF_ONE}/{path}"): Role.ADMIN for path in ("compact", "reindex", "go-back", "forget", "snapshots")},
    ("GET", f"{OF_ONE}/stats"): Role.READ,
    ("GET", f"{OF_ONE}/snapshots"): Role.ADMIN,
    ("DELETE", f"{OF_ONE}/snapshots/{{snapshot}}"): Role.ADMIN,
    ("POST", f"{OF_ONE}/snapshots/{{snapshot}}/restore"): Role.ADMIN,
    ("GET", "/v1/aliases"): Role.READ,
    ("PUT", "/v1/aliases/{alias}"): Role.ADMIN,
    ("DELETE", "/v1/aliases/{alias}"): Role.ADMIN,
    ("GET", "/v1/jobs"): Role.ADMIN,
    ("GET", "/v1/jobs/{id}"): Role.ADMIN,
    ("DELETE", "/v1/jobs/{id}"): Role.ADMIN,
}
"""The least role for each endpoint: no endpoint is added without a line here."""

ROLES = [Role.ANYONE, Role.READ, Role.WRITE, Role.ADMIN]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def endpoints(app: Any) -> dict[tuple[str, str], Any]:
    return {
        (method, route.path): route.endpoint for route in endpoint_routes(app) for method in route.methods - {"HEAD"}
    }


def test_every_endpoint_is_marked_with_the_role_of_the_table() -> None:
    found = endpoints(create_app(FakeSearcher()))
    assert {place: needs_of(endpoint).role for place, endpoint in found.items()} == LEAST


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), LEAST)
def test_each_role_may_what_the_table_says_and_nothing_else(
    serve: Any, store: KeyStore, method: str, path: str, role: Role
) -> None:
    store.create(Role.ADMIN)
    headers = {} if role is Role.ANYONE else bearer(store.create(role)[0])
    place = path.replace("{id:anything}", "json.dumps").replace("{collection}", "index")
    response = serve().request(method, place, headers=headers)
    if role >= LEAST[method, path]:
        # Let in; some bodies are missing, and what is served here is only read.
        assert response.status_code in (200, 404, 409, 415, 422), response.text
    else:
        assert response.status_code == (401 if role is Role.ANYONE else 403)


async def _unmarked() -> str:
    return "reached"


def app_with_more(store: KeyStore) -> Any:
    """An application with an endpoint that is not marked, and as if it served two collections, one by an alias too."""
    app = create_app(FakeSearcher(), keys=store, name="books")
    app.add_api_route("/v1/unmarked", _unmarked)
    app.state.guard._served = lambda: ("books", "films")
    app.state.guard.name_of = lambda name: {"latest": "books"}.get(name, name)
    return app


@pytest.mark.parametrize(
    ("role", "collections", "method", "path", "status"),
    [
        (Role.READ, (), "POST", "/v1/collections/books/documents", 403),
        (Role.WRITE, (), "POST", "/v1/collections/books/documents", 415),
        (Role.ADMIN, (), "POST", "/v1/collections/books/documents", 415),
        (Role.WRITE, ("books",), "POST", "/v1/collections/books/documents", 415),
        (Role.WRITE, ("books",), "POST", "/v1/collections/latest/documents", 404),
        (Role.WRITE, ("books",), "POST", "/v1/collections/films/documents", 403),
        (Role.ADMIN, ("books",), "POST", "/v1/collections/films/documents", 403),
        (Role.WRITE, ("books", "films"), "POST", "/v1/collections/films/documents", 404),
        (Role.WRITE, ("latest",), "POST", "/v1/collections/latest/documents", 403),
        (Role.READ, ("books",), "GET", "/v1/collections", 200),
        (Role.WRITE, (), "GET", "/v1/unmarked", 403),
        (Role.ADMIN, (), "GET", "/v1/unmarked", 200),
        (Role.ADMIN, ("books",), "GET", "/v1/unmarked", 403),
        (Role.READ, (), "GET", "/metrics", 200),
        (Role.READ, ("books",), "GET", "/metrics", 403),
        (Role.READ, ("books", "films"), "GET", "/metrics", 200),
        (Role.READ, ("books",), "GET", "/v1/search?q=date", 403),
        (Role.READ, ("films",), "GET", "/nothing", 404),
        (Role.READ, ("films",), "DELETE", "/v1/search", 405),
    ],
)
def test_a_key_reaches_its_collections_alone(
    store: KeyStore, role: Role, collections: tuple[str, ...], method: str, path: str, status: int
) -> None:
    secret, _ = store.create(role, collections=collections)
    with TestClient(app_with_more(store)) as client:
        client.app.state.service.warm_up.join(PATIENCE)  # type: ignore[attr-defined]
        response = client.request(method, path, headers=bearer(secret))
        assert response.status_code == status, response.text
        if path == "/v1/collections":
            assert [each["name"] for each in response.json()["collections"]] == ["books"]
        if status == 403:
            assert response.headers["content-type"] == "application/problem+json"
            assert "this key" in response.json()["detail"]


def test_what_is_wrong_with_a_key_is_told_with_a_challenge(serve: Any, store: KeyStore) -> None:
    good, _ = store.create(Role.READ)
    revoked, key = store.create(Role.READ)
    expired, _ = store.create(Role.READ, expires=datetime.now(UTC) - timedelta(days=1))
    unknown, _ = Key.create(Role.READ)
    store.revoke(key.id)
    client = serve()
    url = "/v1/search?q=date"
    none = client.get(url)
    assert none.status_code == 401 and none.headers["www-authenticate"] == 'Bearer realm="lsr"'
    assert none.json()["detail"] == "this server asks for a key: send it as Authorization: Bearer KEY"
    for secret, told in (
        (revoked, "was revoked on"),
        (expired, "expired on"),
        (unknown, "not one of this server's"),
        (good[:-1], "not one of this server's"),
        (good[:-1] + ("A" if good[-1] != "A" else "B"), "not one of this server's"),
        (good.upper(), "not one of this server's"),
        ("", "not one of this server's"),
    ):
        answer = client.get(url, headers=bearer(secret))
        assert answer.status_code == 401 and told in answer.json()["detail"], secret
        assert answer.headers["www-authenticate"] == 'Bearer realm="lsr", error="invalid_token"'
    assert client.get(url, headers={"Authorization": f"Basic {good}"}).status_code == 401
    assert client.get(url, headers={"Authorization": f"bearer  {good} "}).status_code == 200
    assert client.get(url, headers=[("Authorization", f"Bearer {good}")] * 2).status_code == 401
    assert client.get(f"{url}&key={good}").status_code == 401


def test_a_running_server_sees_new_and_revoked_keys(serve: Any, store: KeyStore) -> None:
    client = serve(client="127.0.0.1")
    assert client.get("/v1/search?q=date").status_code == 200  # without any key
    secret, key = store.create(Role.READ)
    assert client.get("/v1/search?q=date").status_code == 401
    assert client.get("/v1/search?q=date", headers=bearer(secret)).status_code == 200
    store.revoke(key.id)
    assert client.get("/v1/search?q=date", headers=bearer(secret)).status_code == 401
    assert client.get("/v1/search?q=date").status_code == 401


def test_an_anonymous_server_asks_for_no_key(serve: Any, store: KeyStore) -> None:
    store.create(Role.READ)
    assert serve(settings=ServiceSettings(anonymous=True)).get("/v1/search?q=date").status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_reference_is_open_on_the_machine_itself(serve: Any, store: KeyStore, path: str) -> None:
    secret, _ = store.create(Role.READ, collections=("films",))
    far = serve()
    assert far.get(path).status_code == 401
    assert far.get(path, headers=bearer(secret)).status_code == 200
    for address, status in (("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 401)):
        near = serve(client=address)
        near.base_url = "http://127.0.0.1"  # the server's end of the connection
        assert near.get(path).status_code == status


def test_many_wrong_keys_from_one_client_are_turned_away_but_no_right_one(serve: Any, store: KeyStore) -> None:
    secret, _ = store.create(Role.READ)
    client = serve()
    wrong = bearer(Key.create(Role.READ)[0])
    statuses = [client.get("/v1/index", headers=wrong).status_code for _ in range(30)]
    assert statuses[:20] == [401] * 20 and set(statuses[25:]) == {429}
    refused = client.get("/v1/index", headers=wrong)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert client.get("/v1/index", headers=bearer(secret)).status_code == 200
    assert client.get("/v1/index").status_code == 401
    assert serve(client="192.0.2.8").get("/v1/index", headers=wrong).status_code == 401


def test_limits_of_a_key_are_told_with_when_to_come_back(serve: Any, store: KeyStore) -> None:
    few, _ = store.create(Role.READ, requests_per_minute=2)
    small, _ = store.create(Role.READ, bytes_per_minute=100)
    client = serve()
    assert [client.get("/v1/index", headers=bearer(few)).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/v1/index", headers=bearer(small)).status_code == 200
    answer = client.get("/v1/index", headers=bearer(small))
    assert answer.status_code == 429 and "bytes" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) > 30
    assert client.get("/healthz", headers=bearer(few)).status_code == 200


def test_a_request_without_a_key_is_refused_before_its_body_is_there(store: KeyStore) -> None:
    store.create(Role.READ)
    searcher = FakeSearcher()
    # The body is announced and never sent; the answer comes all the same, and the connection is closed.
    asked = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000\r\n\r\n{"
    )
    settings = ServiceSettings(request_timeout=PATIENCE)
    with running(searcher, settings, keys=store) as (_, port), connect(port, asked) as connection:
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 401 ") and b"connection: close" in received.lower()
    assert searcher.searched == []


def test_a_refused_request_leaves_its_body_unread(store: KeyStore) -> None:
    store.create(Role.READ)
    asked: list[str] = []
    sent: list[Any] = []

    async def receive() -> Any:
        asked.append("body")
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("reached")

    guard = Guard(Keyring(store), lambda: ("books",))
    scope = {
        "type": "http", "path": "/v1/search", "method": "POST", "headers": [], "client": ("192.0.2.7", 1),
        "app": create_app(FakeSearcher()), "root_path": "", "server": ("192.0.2.1", 80),
    }  # fmt: skip
    asyncio.run(Access(inner, guard)(scope, receive, send))
    assert asked == [] and sent[0]["status"] == 401


def test_marks_are_strict_by_default() -> None:
    assert needs_of(_unmarked) == Needs(Role.ADMIN, scoped=False, local=False)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("example.org", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_this_machine_s_own_address(host: str, here: bool) -> None:
    assert is_loopback(host) == here
