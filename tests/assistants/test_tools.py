"""What assistants are offered, asked by a client of the protocol in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from served import BIRDS, URL, serving

from lsr import Collection
from lsr.assistants.server import make_server
from lsr.assistants.sources import LocalSource, RemoteSource, Source
from lsr.client import Client as ServiceClient
from lsr.core.errors import IndexFormatError, NotFoundError

AUK = {"_id": "auk/1", "text": "Auks dive. " * 200, "url": "https://birds.example/auk", "year": 2024}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("root") / "birds"
    with Collection.create(path, model="bm25") as collection:
        collection.add([*BIRDS, AUK])
    return path


@pytest.fixture(scope="module", params=["here", "on a server"])
def source(request: pytest.FixtureRequest, folder: Path) -> Iterator[Source]:
    if request.param == "here":
        yield LocalSource(folder)
        return
    with serving(folder.parent) as transport, ServiceClient(URL, transport=transport, retries=0) as client:
        yield RemoteSource(client.collection())


def call(source: Source, tool: str, **arguments: Any) -> Any:
    async def called() -> Any:
        async with Client(make_server(source)) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(called())


def answer(source: Source, tool: str, **arguments: Any) -> Any:
    result = call(source, tool, **arguments)
    assert not result.is_error, result.content
    return result.structured_content


def refusal(source: Source, tool: str, **arguments: Any) -> str:
    result = call(source, tool, **arguments)
    assert result.is_error
    text: str = result.content[0].text
    return text


def test_the_tools_say_what_they_are_for(source: Source) -> None:
    async def listed() -> Any:
        async with Client(make_server(source)) as client:
            return (await client.list_tools()).tools

    search, fetch = asyncio.run(listed())
    assert (search.name, fetch.name) == ("search", "fetch")
    assert "'birds' (4 documents)" in search.description and "year (integer)" in search.description
    assert "no dense vectors" in search.description
    properties = search.input_schema["properties"]
    assert search.input_schema["required"] == ["query"]
    assert set(properties) == {"query", "k", "filter", "mode", "min_relevance", "vector", "dense_vector"}
    assert all(each["description"] for each in properties.values())
    assert (properties["k"]["minimum"], properties["k"]["maximum"], properties["k"]["default"]) == (1, 50, 10)
    assert {"auto", "exact", "hybrid", "dense"} <= set(properties["mode"]["enum"])
    assert fetch.input_schema["required"] == ["id"]
    assert set(search.output_schema["$defs"]["Result"]["required"]) == {"id", "title", "snippet", "score", "url"}
    assert search.annotations.read_only_hint and fetch.annotations.read_only_hint


def test_what_is_found_can_be_read(source: Source) -> None:
    found = answer(source, "search", query="who hunts at night")["results"]
    first = found[0]
    assert (first["id"], first["title"], first["snippet"]) == ("owl", "The owl", "Owls hunt at night.")
    assert first["score"] > 0 and first["url"] == "lsr://birds/owl"
    whole = answer(source, "fetch", id=first["id"])
    assert whole == {
        "id": "owl",
        "title": "The owl",
        "text": "Owls hunt at night.",
        "url": "lsr://birds/owl",
        "fields": {"year": 2024},
    }


def test_a_document_is_cited_by_its_own_address(source: Source) -> None:
    [found] = answer(source, "search", query="auks", k=1)["results"]
    assert found["url"] == AUK["url"] and len(found["snippet"]) < 500
    assert answer(source, "fetch", id="auk/1")["text"] == AUK["text"]
    assert answer(source, "fetch", id="lsr://birds/auk%2F1")["id"] == "auk/1"


def test_filters_and_modes(source: Source) -> None:
    found = answer(source, "search", query="migrate", filter="year < 2024", mode="exact")["results"]
    assert [each["id"] for each in found] == ["tern"]
    assert answer(source, "search", query="nothing like it", filter="")["results"] == []


def test_vectors_in_place_of_the_query(source: Source) -> None:
    found = answer(source, "search", query="", vector={"word:owl": 2.0})["results"]
    assert [each["id"] for each in found] == ["owl"]
    assert "leave one of them out" in refusal(source, "search", query="owls", vector={"word:owl": 2.0})
    assert "dense" in refusal(source, "search", query="", dense_vector=[1.0, 0.0])
    assert "no term 'no'" in refusal(source, "search", query="", vector={"no": 1.0})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"query": " "}, "field 'query': is empty: give some words"),
        ({"query": "owls", "filter": "yaer = 2024"}, "year"),
        ({"query": "owls", "filter": "year >"}, "filter"),
        ({"query": "owls", "mode": "hybird"}, "did you mean hybrid"),
        ({"query": "owls", "mode": "hybrid"}, "dense"),
        ({"query": "owls", "k": 51}, "must be a whole number from 1 to 50"),
        ({}, "query"),
    ],
)
def test_what_is_wrong_is_said_so_that_it_can_be_mended(source: Source, arguments: dict[str, Any], words: str) -> None:
    said = refusal(source, "search", **arguments)
    assert words in said and "Traceback" not in said


def test_a_document_that_there_is_not(source: Source) -> None:
    assert "there is no document 'none': give the id of a result of search" in refusal(source, "fetch", id="none")


def test_what_is_written_is_found(folder: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "notes", model="bm25") as collection:
        source = LocalSource(tmp_path / "notes")
        collection.add({"_id": "a", "text": "Buy milk."})
        deadline = 1000
        while not answer(source, "search", query="milk")["results"]:
            deadline -= 1
            assert deadline
        assert answer(source, "fetch", id="a")["text"] == "Buy milk."


def test_a_collection_that_there_is_not(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError):
        LocalSource(tmp_path)
    with (
        serving(folder.parent) as transport,
        ServiceClient(URL, transport=transport, retries=0) as client,
        pytest.raises(NotFoundError, match="there is 'birds'"),
    ):
        make_server(RemoteSource(client.collection("brids")))


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search", {"query": "auk", "k": "many"}, "field 'k': must be a whole number from 1 to 50, not 'many'"),
        ("search", {"query": "auk", "k": 0}, "field 'k': must be a whole number from 1 to 50, not 0"),
        ("search", {"query": "auk", "k": 1.5}, "field 'k': must be a whole number from 1 to 50, not 1.5"),
        ("search", {"query": ["auk"]}, "field 'query': must be a text, not ['auk']"),
        ("search", {"query": None, "mode": 3}, "field 'query': must be a text, not None; field 'mode': must be a text"),
        ("search", {"query": "auk", "filter": {"a": 1}}, "field 'filter': must be a text, or null, not {'a': 1}"),
        ("search", {}, "field 'query': is missing"),
        ("search", {"query": "auk", "limit": 3}, "field 'limit': is no argument of this tool, which takes query, k, "),
        ("fetch", {"id": 7}, "field 'id': must be a text, not 7"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_plain_words(
    folder: Path, tool: str, arguments: dict[str, Any], told: str
) -> None:
    said = refusal(LocalSource(folder), tool, **arguments)
    assert said.startswith(told), said
    assert "pydantic" not in said and "\n" not in said
