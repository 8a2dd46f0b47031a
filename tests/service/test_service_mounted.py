"""The service inside other applications, below a path, and several times in one process."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext

import pytest
from fake_searcher import FakeSearcher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from patience import PATIENCE
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from lsr.core.errors import InputError
from lsr.service import ServiceSettings, create_app


def in_starlette(app: ASGIApp) -> ASGIApp:
    return Starlette(routes=[Mount("/in/here", app)])


def in_fastapi(app: ASGIApp) -> ASGIApp:
    outer = FastAPI()
    outer.mount("/in/here", app)
    return outer


def twice(app: ASGIApp) -> ASGIApp:
    return Starlette(routes=[Mount("/in", in_fastapi_at(app, "/here"))])


def in_fastapi_at(app: ASGIApp, path: str) -> ASGIApp:
    outer = FastAPI()
    outer.mount(path, app)
    return outer


def behind_a_proxy(app: ASGIApp) -> ASGIApp:
    """A proxy that takes the prefix off, and a server that is told of it as uvicorn is, by the root path."""

    async def proxied(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "root_path": "/in/here"}
        await app(scope, receive, send)

    return proxied


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("mount", [in_starlette, in_fastapi, twice, behind_a_proxy])
def test_a_mounted_service_answers_and_keeps_its_prefix(mount: Callable[[ASGIApp], ASGIApp], started: bool) -> None:
    # With the outer application's lifespan and without: that of what is mounted does not run.
    client = TestClient(mount(create_app(FakeSearcher())))
    with client if started else nullcontext():
        found = client.post("/in/here/v1/search", json={"text": "date"})
        assert [hit["id"] for hit in found.json()["hits"]] == ["datetime/strptime"]
        assert client.get("/in/here/readyz").status_code == 200
        assert client.get("/in/here/v1/documents/json.dumps").status_code == 200
        assert client.post("/in/here/v1/encode", json={"texts": ["date"]}).status_code == 200
        assert "web/" in client.get("/in/here/", follow_redirects=False).text
        assert "'/in/here/openapi.json'" in client.get("/in/here/docs").text
        described = client.get("/in/here/openapi.json").json()
        assert described["servers"] == [{"url": "/in/here"}]
        assert "/v1/search" in described["paths"]
        missing = client.get("/in/here/nothing").json()
        assert missing["instance"] == "/in/here/nothing"
        assert "GET /in/here/openapi.json" in missing["detail"]
        moved = client.get("/in/here/v1/index/?x=1", follow_redirects=False)
        assert (moved.status_code, moved.headers["location"]) == (307, "/in/here/v1/index?x=1")


@pytest.mark.parametrize("prefix", ["", "/in/here"])
def test_a_root_path_that_is_set_is_kept_whether_a_proxy_takes_it_off_or_not(prefix: str) -> None:
    settings = ServiceSettings(root_path="/in/here")
    with TestClient(create_app(FakeSearcher(), settings)) as client:
        client.app.state.service.warm_up.join(PATIENCE)  # type: ignore[attr-defined]
        assert client.get(f"{prefix}/v1/search?q=date").status_code == 200
        assert client.get(f"{prefix}/", follow_redirects=False).status_code == 200
        assert client.get(f"{prefix}/docs/", follow_redirects=False).headers["location"] == "/in/here/docs"
        assert "'/in/here/openapi.json'" in client.get(f"{prefix}/docs").text
        assert client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": "/in/here"}]


def test_a_root_path_adds_to_that_of_a_mount() -> None:
    client = TestClient(in_starlette(create_app(FakeSearcher(), ServiceSettings(root_path="/v"))))
    for path in ("/in/here/docs/", "/in/here/v/docs/"):
        assert client.get(path, follow_redirects=False).headers["location"] == "/in/here/v/docs"


@pytest.mark.parametrize("path", ["search", "/search/", "/", "//evil.example", "/a b", "https://x.example"])
def test_a_root_path_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="root_path"):
        ServiceSettings(root_path=path)


def test_redirects_are_not_built_from_the_host() -> None:
    settings = ServiceSettings(allow_hosts=("*",))
    client = TestClient(create_app(FakeSearcher(), settings))
    for path in ("/docs/", "/v1/index/", "/v1/index//"):
        location = client.get(path, headers={"Host": "evil.example"}, follow_redirects=False).headers["location"]
        assert location.startswith("/")
        assert not location.startswith("//")
    for path in ("//evil.example/", "//evil.example/docs/", "/%2Fevil.example/"):
        assert client.get(f"http://testserver{path}", follow_redirects=False).status_code == 404


def test_requests_wait_for_the_warm_up_that_the_first_of_them_begins() -> None:
    begun, gate = threading.Event(), threading.Event()

    def warm_up() -> None:
        begun.set()
        assert gate.wait(PATIENCE)

    client = TestClient(in_starlette(create_app(FakeSearcher(on_warm_up=warm_up))))
    assert not begun.is_set()
    # Readiness is told at once.
    assert client.get("/in/here/healthz").status_code == 200
    assert client.get("/in/here/readyz").status_code == 503
    assert begun.wait(PATIENCE)
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(client.get("/in/here/v1/search?q=date").status_code))
    thread.start()
    gate.set()
    thread.join(PATIENCE)
    assert statuses == [200]


def test_a_warm_up_that_takes_too_long_or_fails_is_told() -> None:
    gate = threading.Event()
    settings = ServiceSettings(request_timeout=0.05)
    client = TestClient(in_starlette(create_app(FakeSearcher(on_warm_up=lambda: gate.wait(PATIENCE)), settings)))
    slow = client.get("/in/here/v1/search?q=date")
    gate.set()
    assert (slow.status_code, slow.json()["type"]) == (503, "urn:problem-type:lsr:not-ready")
    assert slow.headers["retry-after"] == "1"

    def fail() -> None:
        raise ValueError("no kernels here")

    failed = TestClient(in_starlette(create_app(FakeSearcher(on_warm_up=fail)))).get("/in/here/v1/search?q=date")
    assert failed.status_code == 503
    assert "no kernels here" in failed.json()["detail"]


def test_the_outer_application_may_start_it() -> None:
    app = create_app(FakeSearcher())

    @asynccontextmanager
    async def lifespan(outer: Starlette) -> AsyncIterator[None]:
        async with app.router.lifespan_context(app):
            yield

    with TestClient(Starlette(routes=[Mount("/in", app)], lifespan=lifespan)) as client:
        app.state.service.warm_up.join(PATIENCE)
        assert not app.state.service.patient
        assert client.get("/in/v1/search?q=date").status_code == 200
    late = TestClient(app).get("/v1/search?q=date")
    assert (late.status_code, late.json()["type"]) == (503, "urn:problem-type:lsr:not-ready")
    # Started again, it works again.
    with TestClient(app) as client:
        app.state.service.warm_up.join(PATIENCE)
        assert client.get("/v1/search?q=date").status_code == 200


def test_several_services_in_one_process_know_nothing_of_each_other() -> None:
    searchers = FakeSearcher(), FakeSearcher()
    settings = ServiceSettings(max_k=5), ServiceSettings(max_k=50, allow_hosts=("b.example",))
    a, b = (create_app(*each) for each in zip(searchers, settings, strict=True))
    client = TestClient(Starlette(routes=[Mount("/a", a), Mount("/b", b)]))
    assert client.get("/a/v1/search?q=one&k=20").status_code == 422
    assert client.get("/b/v1/search?q=two&k=20").status_code == 200
    assert [searcher.searched for searcher in searchers] == [[], ["two"]]
    for path, status in (("/a/healthz", 421), ("/b/healthz", 200)):
        assert client.get(path, headers={"Host": "b.example"}).status_code == status


def test_probes_are_not_logged_below_a_prefix_either(caplog: pytest.LogCaptureFixture) -> None:
    client = TestClient(in_starlette(create_app(FakeSearcher())))
    with caplog.at_level(logging.INFO, "lsr.service.requests"):
        client.get("/in/here/healthz")
        client.get("/in/here/v1/search?q=date")
    assert [record.message.split()[1] for record in caplog.records if record.name == "lsr.service.requests"] == [
        "/in/here/v1/search"
    ]


def test_hosts_and_origins_are_checked_when_mounted_too() -> None:
    settings = ServiceSettings(
        allow_hosts=("search.example.org", "*.internal", "2001:DB8::1"), cors_origins=("https://app.example",)
    )
    client = TestClient(in_starlette(create_app(FakeSearcher(), settings)))
    for host, status in (
        ("testserver", 200),  # what the server says that it is bound to
        ("search.example.org", 200),
        ("SEARCH.example.org.:443", 200),
        ("a.internal", 200),
        ("a.b.internal", 200),
        ("[2001:db8:0::1]", 200),
        ("internal", 421),
        ("ainternal", 421),
        ("example.org", 421),
        ("a.search.example.org", 421),
        ("[2001:db8::2]", 421),
    ):
        assert client.get("/in/here/healthz", headers={"Host": host}).status_code == status, host
    for origin, status in (
        ("https://app.example", 200),
        ("http://app.example", 403),
        ("https://app.example:444", 403),
        ("http://testserver", 200),
    ):
        response = client.post("/in/here/v1/search", json={"text": "date"}, headers={"Origin": origin})
        assert response.status_code == status, origin
        assert ("access-control-allow-origin" in response.headers) == (origin == "https://app.example")


@pytest.mark.parametrize("name", ["", "https://x.example", "x.example/a", "a b", "*.*", "x.*", "[::1", "user@x", "*x"])
def test_allowed_hosts_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="allow_hosts"):
        ServiceSettings(allow_hosts=(name,))


@pytest.mark.parametrize("origin", ["", "app.example", "https://app.example/", "https://app.example/page", "https://"])
def test_origins_that_no_page_has_are_refused(origin: str) -> None:
    with pytest.raises(InputError, match="cors_origins"):
        ServiceSettings(cors_origins=(origin,))
