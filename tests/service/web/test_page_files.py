"""The files of the page: how they are sent, and what they may do in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_searcher import FakeSearcher
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.routing import Mount

import lsr.service.web
from lsr.service import create_app

STATIC = Path(lsr.service.web.__file__).parent / "static"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
# A path in the page, or in a script of it.
_LINK = re.compile(r'(?:href|src)="(web/[^"]+)"')
_IMPORT = re.compile(r'^(?:import|export)\b[^"]*?from "(\./[a-z_]+\.js)";', re.MULTILINE)


def links(client: TestClient) -> list[str]:
    return _LINK.findall(client.get("/").text)


def test_the_page_is_asked_for_each_time_and_sent_if_it_has_changed(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    for known in (page.headers["etag"], f'"other", W/{page.headers["etag"]}', "*"):
        again = client.get("/", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.head("/").headers["etag"] == page.headers["etag"]


def test_what_the_page_loads_is_kept_for_good_under_the_name_of_its_version(client: TestClient) -> None:
    found = links(client)
    assert len(found) > 5
    for link in found:
        response = client.get(f"/{link}")
        assert response.status_code == 200, link
        assert response.headers["content-type"].startswith(TYPES[Path(link).suffix])
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in response.headers["cache-control"]
        assert response.content == (STATIC / Path(link).name).read_bytes()
    _, digest, name = found[0].split("/")
    for wrong in (
        f"web/{digest}/none.js",
        f"web/{'0' * 16}/{name}",
        f"web/{digest}/index.html",
        f"web/{digest}/..%2Fpage.py",
    ):
        assert client.get(f"/{wrong}").status_code == 404, wrong


def test_only_scripts_of_the_server_run_and_none_makes_markup_of_text(client: TestClient) -> None:
    policy = dict(part.split(" ", 1) for part in client.get("/").headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    for kind in ("script-src", "style-src", "img-src", "connect-src"):
        assert policy[kind] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["frame-ancestors"] == "'none'"


def test_every_script_that_is_imported_is_there_and_every_file_is_used() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    imported = {name: {link.removeprefix("./") for link in _IMPORT.findall(text)} for name, text in scripts.items()}
    reached, new = set(), {"main.js"}
    while new:
        reached |= new
        new = set().union(*(imported[name] for name in new)) - reached
    assert reached == set(scripts)
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert {path.name for path in STATIC.iterdir()} == {
        *scripts,
        "index.html",
        *(Path(link).name for link in _LINK.findall(page)),
    }


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_a_file_asks_nothing_of_other_servers_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert len(text.splitlines()) <= 400
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)


def test_below_a_mount_links_lead_into_it() -> None:
    mounted = TestClient(Starlette(routes=[Mount("/in/here", create_app(FakeSearcher()))]))
    page = mounted.get("/in/here/")
    assert page.status_code == 200
    for link in _LINK.findall(page.text):
        assert mounted.get(f"/in/here/{link}").status_code == 200
