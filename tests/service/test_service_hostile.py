"""Names, values and bodies that nobody means, sent to a folder of collections: refused, and nothing else is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from raw_http import until
from root_client import BIRDS, created, found, serving

from lsr.index import verify

BIRD = "/v1/collections/birds"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[TestClient]:
    """Of a server with one collection, which is as it was afterwards."""
    with serving(root) as client:
        created(client, "birds", BIRDS)
        yield client
        assert sorted(entry.name for entry in root.iterdir()) == [".service", "birds"]
        assert found(client, "birds", "migrate") == ["tern", "stork"]
        assert [job["kind"] for job in client.get("/v1/jobs").json()["jobs"] if job["status"] == "done"] == []
    assert verify(root / "birds") == []


# As they stand in a path: what the server makes of them is told in its own words.
NAMES = [
    *("%2e%2e", "%2e", "%2e%2e%2f%2e%2e", "..%2f..", "birds%2f..%2fbirds", "%5c..%5c", "birds%5c"),
    *("%00", "birds%00", "birds%0a", "birds%20", "%20birds", "birds%3b", "birds%2f", "%ff%fe", "%c0%ae%c0%ae"),
    *("a" * 129, "a" * 300, "a" * 5000, "%e4" * 1000),
    *(".service", ".service%2fjobs", "jobs", "making", "removed", "snapshots", "lock", "keys.json", "manifest.json"),
    *("%EF%BC%8E%EF%BC%8E", "%E2%80%AEsdrib", "b%D1%96rds", "BIRDS", "CON", "nul.txt"),
]
WHERE_NAMES = [
    ("GET", "/v1/collections/{}", None),
    ("DELETE", "/v1/collections/{}", None),
    ("GET", "/v1/collections/{}/stats", None),
    ("GET", "/v1/collections/{}/search?q=migrate", None),
    ("POST", "/v1/collections/{}/documents", [{"_id": "x", "text": "x"}]),
    ("POST", "/v1/collections/{}/delete", {"ids": ["tern"]}),
    ("POST", "/v1/collections/{}/compact", None),
    ("POST", "/v1/collections/{}/reindex", {"model": "bm25"}),
    ("POST", "/v1/collections/{}/go-back", None),
    ("POST", "/v1/collections/{}/forget", None),
    ("GET", "/v1/collections/{}/snapshots", None),
    ("POST", "/v1/collections/{}/snapshots", None),
    ("DELETE", "/v1/collections/{}/snapshots/one", None),
    ("POST", "/v1/collections/{}/snapshots/one/restore", {"name": "new"}),
    ("DELETE", BIRD + "/snapshots/{}", None),
    ("POST", BIRD + "/snapshots/{}/restore", {"name": "new"}),
    ("DELETE", "/v1/aliases/{}", None),
    ("GET", "/v1/jobs/{}", None),
    ("DELETE", "/v1/jobs/{}", None),
    ("GET", BIRD + "/documents/{}", None),
    ("PATCH", BIRD + "/documents/{}", {"fields": {"year": 1}}),
]


@pytest.mark.parametrize(("method", "path", "body"), WHERE_NAMES)
def test_a_name_in_a_path_leads_nowhere_else(client: TestClient, method: str, path: str, body: Any) -> None:
    for name in NAMES:
        response = client.request(method, path.format(name), json=body, follow_redirects=False)
        # A slash at the end of a path is led to the path without it.
        assert response.status_code in ((307, 404) if name.endswith("%2f") else (404,)), (name, response.text)


@pytest.mark.parametrize("name", NAMES)
def test_no_alias_is_called_what_no_collection_can_be(client: TestClient, name: str) -> None:
    response = client.put(f"/v1/aliases/{name}", json={"collection": "birds"}, follow_redirects=False)
    if response.status_code == 200:  # a name like any other: `jobs`, say
        assert client.delete(f"/v1/aliases/{name}").status_code == 204
    else:
        assert response.status_code in (307, 404, 405, 422), response.text


@pytest.mark.parametrize(
    "name",
    [
        *("..", ".service", "a/b", "a\\b", "a\0", "a\n", " a", "a" * 129, "a" * 100_000),
        *("\uff0e\uff0e", "b\u0456rds", "\ud800", 5, None, ["a"]),
    ],
)
def test_no_name_in_a_body_is_another_place(client: TestClient, name: Any) -> None:
    for method, path, field, more in (
        ("POST", "/v1/collections", "name", {"model": "bm25"}),
        ("POST", BIRD + "/snapshots", "name", {}),
        ("POST", BIRD + "/snapshots/one/restore", "name", {}),
        ("PUT", "/v1/aliases/other", "collection", {}),
    ):
        if name is None and path.endswith("/snapshots"):
            continue  # the same as none
        response = client.request(method, path, content=json.dumps({field: name, **more}), headers=JSON)
        assert response.status_code == 422, (path, response.text)


@pytest.mark.parametrize("name", ["CON", "nul", "Aux.txt", "com1", "LPT9.a.b", "a.", "a.."])
def test_no_folder_is_called_what_windows_takes_for_a_device(client: TestClient, name: str) -> None:
    for path in ("/v1/collections", BIRD + "/snapshots"):
        refused = client.post(path, json={"name": name} | ({"model": "bm25"} if path == "/v1/collections" else {}))
        assert refused.status_code == 422 and "another system" in refused.json()["detail"], refused.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("model", value) for value in ("x" * 5000, "a/" + "x" * 5000, "a\0b", "~nobody-of-this-name", "/", "\ud800")),
        *(("dense", value) for value in ("x" * 5000, "~nobody-of-this-name", "bm25")),
        *(("schema", value) for value in ({"\ud800": "keyword"}, {"": "keyword"}, {"a": "keyword[][]"})),
        *(("never_split", value) for value in (["\ud800"], [""], ["x" * 65], [5])),
        *(("lexical_weight", value) for value in (-1, 1e300, float("nan"), 2.0)),  # 2: with bm25, words are all
        *(("title_weight", value) for value in (-1, 101, float("nan"))),
        *(("lexical", value) for value in (False, "x")),
        *(("mean_length", value) for value in (0, 1e-320, float("inf"), float("nan"), 1e300)),
        *(("weight_scale", value) for value in (0, 1e-320, float("inf"), float("nan"), 1e300)),
        *(("language", value) for value in ("klingon", "", "\ud800", "a\0", "x" * 10_000)),
    ],
)
def test_what_no_collection_can_be_made_with_is_refused(client: TestClient, field: str, value: Any) -> None:
    asked = {"name": "made", "model": "bm25", field: value}
    refused = client.post("/v1/collections", content=json.dumps(asked), headers=JSON)
    assert refused.status_code == 422, refused.text
    assert client.get("/v1/collections/made").status_code == 404


NUMBERS = ["1e400", "NaN", "-Infinity", "1" * 400, "1" * 5000, "9223372036854775808", "-1", "0"]
ODD = [
    *(*NUMBERS, "true", "null", '""', "[]", "{}", '"\\u0000"', '"\\ud800"', '["\\ud800"]', '{"\\ud800": 1}', "[null]"),
    *('{"": {}}', "[[[]]]", "[1e400]", '{"a": [NaN]}', "[" * 400 + "]" * 400, '{"a":' * 400 + "1" + "}" * 400),
    *('"year >= 1e999"', '"' + "(" * 3000 + '"', '"' + "not " * 3000 + 'a"', '{"a": 1, "a": 2}'),
]
PLACES = {
    "/search": ['{"text": "bird", "%s": %s}', "filter sort facets count group_by min_score search_after highlight k"],
    "/search ": ['{"sort": "year", "%s": %s}', "search_after filter k offset"],
    "/search  ": ['{"text": "bird", "highlight": {"%s": %s}}', "size passages"],
    "/search/batch": ['{"searches": [{"text": "a", "%s": %s}]}', "filter sort k"],
    "/search/batch ": ['{"%s": %s}', "searches"],
    "/count": ['{"%s": %s}', "filter text min_score"],
    "/facets": ['{"facets": ["tags"], "%s": %s}', "filter text min_score"],
    "/facets ": ['{"%s": %s}', "facets"],
    "/explain": ['{"text": "bird", "%s": %s}', "id vector"],
    "/documents/none": ['{"fields": {"%s": %s}}', "year new _id text \\ud800"],
    "/reindex": ['{"model": "none", "%s": %s}', "dense weight_scale keep"],
    "/go-back": ['{"%s": %s}', "keep"],
}


@pytest.mark.parametrize("path", PLACES)
def test_odd_values_anywhere_are_no_fault_of_the_server(client: TestClient, path: str) -> None:
    place, names = PLACES[path]
    method = "PATCH" if path == "/documents/none" else "POST"
    for name in names.split():
        for value in ODD:
            response = client.request(method, BIRD + path.strip(), content=place % (name, value), headers=JSON)
            assert response.status_code < 500, (name, value, response.text)
            if response.status_code != 204:
                json.loads(response.content, parse_constant=pytest.fail)


@pytest.mark.parametrize("facets", ["null", "[]", "{}", '""'])
def test_facets_of_no_field_are_refused(client: TestClient, facets: str) -> None:
    refused = client.post(BIRD + "/facets", content=f'{{"facets": {facets}}}', headers=JSON)
    assert refused.status_code == 422 and refused.json()["errors"][0]["pointer"] == "#/facets"


def put_there(manifest: Path, kind: str) -> None:
    """Something else in the place of a manifest."""
    manifest.unlink()
    if kind == "a folder":
        manifest.mkdir()
    elif kind == "a link":
        manifest.symlink_to(manifest.parent / "elsewhere.json")
        (manifest.parent / "elsewhere.json").write_text("{}")
    elif kind == "a pipe":
        os.mkfifo(manifest)
    elif kind != "nothing":
        manifest.write_bytes(kind.encode())


@pytest.mark.parametrize(
    "kind", ["", "{}", "null", "[" * 5000, "\0" * 100, '{"format": 99}', "a folder", "a link", "a pipe", "nothing"]
)
def test_a_manifest_that_is_replaced_while_it_is_served_is_told_of(tmp_path: Path, kind: str) -> None:
    with serving(tmp_path) as client:
        created(client, "birds", BIRDS)
        created(client, "others", BIRDS)
        client.app.state.root.find("birds").close()  # type: ignore[attr-defined]
        manifest = tmp_path / "birds" / "manifest.json"
        good = manifest.read_bytes()
        assert found(client, "birds", "migrate") == ["tern", "stork"]
        put_there(manifest, kind)
        for path in ("", "/search?q=migrate", "/stats", "/documents/tern"):
            response = client.get(f"/v1/collections/birds{path}")
            # What was opened goes on to be searched; else it is said what is wrong, and where.
            assert response.status_code in (200, 404) or "cannot be read" in response.json()["title"], response.text
        assert client.get("/v1/collections").status_code == 200
        assert found(client, "others", "migrate") == ["tern", "stork"]
        if manifest.is_dir():
            manifest.rmdir()
        manifest.unlink(missing_ok=True)
        manifest.write_bytes(good)
        until(lambda: client.get("/v1/collections/birds/search?q=migrate").status_code == 200)
        assert found(client, "birds", "migrate") == ["tern", "stork"]
