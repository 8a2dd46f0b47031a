"""The files of exports, held to what the engines publish about their formats."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Callable
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from lsr.core.errors import InputError

_PACKAGES = ("qdrant-client", "qdrant-edge-py", "pymilvus", "milvus-lite", "pylance", "pyvespa")
_LINES = 40


def versions() -> dict[str, str]:
    """The packages that took part."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_elasticsearch(place: Path, arguments: argparse.Namespace) -> str | None:
    """The bodies of the requests that make an index, fill it, and ask it, by the OpenAPI document."""
    path = arguments.elasticsearch_openapi
    if path is None:
        return None
    import jsonschema

    document = json.loads(path.read_text(encoding="utf-8"))
    # The document gives a search by vector one property at most, and demands "field" beside it.
    _unbounded(document["components"]["schemas"]["_types.query_dsl.SparseVectorQuery"])

    def holds(value: Any, where: str, method: str) -> None:
        body = document["paths"][where][method]["requestBody"]
        if "$ref" in body:
            body = document["components"]["requestBodies"][body["$ref"].rpartition("/")[2]]
        schema = next(iter(body["content"].values()))["schema"]
        jsonschema.validate(value, {**schema, "components": document["components"]})

    holds(json.loads((place / "index.json").read_text()), "/{index}", "put")
    holds(json.loads((place / "query.json").read_text()), "/{index}/_search", "post")
    named = document["components"]["schemas"]
    query = json.loads((place / "query.json").read_text())["query"]["sparse_vector"]
    known(query, named["_types.query_dsl.SparseVectorQuery"], "the query")
    vector = json.loads((place / "index.json").read_text())["mappings"]["properties"]["vector"]
    known(vector, named["_types.mapping.SparseVectorProperty"], "the vector's field")
    lines = 0
    for file in sorted((place / "bulk").glob("*.ndjson"))[:1]:
        with file.open(encoding="utf-8") as stream:
            for action in islice(stream, 0, _LINES, 2):
                schema = {"$ref": "#/components/schemas/_global.bulk.OperationContainer"}
                jsonschema.validate(json.loads(action), {**schema, "components": document["components"]})
                lines += 1
    return f"OpenAPI of elastic/elasticsearch-specification (sha256 {digest(path)}); {lines:,} actions"


def check_opensearch(place: Path, arguments: argparse.Namespace) -> str | None:
    """The rank_features requests, by the API specification; it does not know `sparse_vector`."""
    folder = arguments.opensearch_specification
    if folder is None:
        return None
    import jsonschema
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    files = {
        path.name: yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        for path in sorted(folder.glob("*.yaml"))
    }
    absolute = {f"urn:{name}": _absolute(content, name) for name, content in files.items()}
    registry = Registry().with_resources(
        [(name, Resource(contents=content, specification=DRAFT202012)) for name, content in absolute.items()]
    )

    def holds(value: Any, file: str, name: str) -> None:
        reference = {"$ref": f"urn:{file}#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(reference, registry=registry).validate(value)

    index = json.loads((place / "rank_features" / "index.json").read_text())
    holds(index["mappings"], "_common.mapping.yaml", "TypeMapping")
    query = json.loads((place / "rank_features" / "query.json").read_text())["query"]
    holds(query, "_common.query_dsl.yaml", "QueryContainer")
    lines = 0
    for file in sorted((place / "bulk").glob("*.ndjson"))[:1]:
        with file.open(encoding="utf-8") as stream:
            for action in islice(stream, 0, _LINES, 2):
                holds(json.loads(action), "_core.bulk.yaml", "OperationContainer")
                lines += 1
    return f"opensearch-api-specification ({len(files)} files), for rank_features; {lines:,} actions"


def check_vespa(place: Path, arguments: argparse.Namespace) -> str | None:
    """The schema beside the one that pyvespa writes for the same fields."""
    try:
        from vespa.package import Document, Field, RankProfile, Schema
    except ModuleNotFoundError:
        return None
    text = (place / "schemas" / "docs.sd").read_text()
    fields = []
    for name, type, body in re.findall(r"field (\w+) type (\S+) \{(.*?)\n        \}", text, re.DOTALL):
        indexing = re.search(r"indexing: (.+)", body)
        assert indexing is not None
        more: dict[str, Any] = {"index": "enable-bm25"} if "bm25" in body else {}
        more |= {"attribute": ["fast-search"]} if "fast-search" in body else {}
        fields.append(Field(name, type, indexing[1].split(" | "), **more))
    schema = Schema("docs", Document(fields))
    profile = RankProfile(
        "sparse",
        first_phase="sum(query(q) * attribute(vector))",
        inputs=[("query(q)", "tensor<float>(term{})")],
    )
    schema.add_rank_profile(profile)
    if bare(text) != bare(schema.schema_to_text):
        raise InputError(f"the schema differs from pyvespa's:\n{text}\n{schema.schema_to_text}")
    return f"the schema that pyvespa {metadata.version('pyvespa')} writes for these fields"


def bare(text: str) -> list[str]:
    """The words of a schema; `key: value` and `key { value }` are the same in it."""
    return re.sub(r"[{}:]", " ", text).split()


def known(value: dict[str, Any], schema: Any, what: str) -> None:
    """InputError for a name that the schema has nothing about: OpenAPI lets any pass."""
    names = set(re.findall(r'"(\w+)": \{', json.dumps(schema)))
    if unknown := set(value) - names:
        raise InputError(f"{what} has {', '.join(sorted(unknown))}, of which the schema says nothing")


def digest(path: Path) -> str:
    """The beginning of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _unbounded(schema: Any) -> None:
    """Without the number of properties that an object may have."""
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _unbounded(each)
    if isinstance(schema, dict):
        schema.pop("maxProperties", None)


def _absolute(value: Any, name: str) -> Any:
    """The content with references that name their file."""
    if isinstance(value, dict):
        return {key: _reference(each, name) if key == "$ref" else _absolute(each, name) for key, each in value.items()}
    return [_absolute(each, name) for each in value] if isinstance(value, list) else value


def _reference(to: str, name: str) -> str:
    file, _, fragment = to.partition("#")
    return f"urn:{file.removeprefix('./') or name}#{fragment}"


CHECKS: dict[str, Callable[[Path, argparse.Namespace], str | None]] = {
    "opensearch": check_opensearch,
    "elasticsearch": check_elasticsearch,
    "vespa": check_vespa,
}
"""By target; each says what the files were held to, or None where that was not given."""
