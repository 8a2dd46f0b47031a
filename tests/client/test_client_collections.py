"""The client against the service: the methods of a collection, on another machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served import BIRDS, URL, AppTransport, numbered, serving

from lsr import Collection, Document
from lsr.client import AsyncClient, Client, RemoteCollection
from lsr.core.errors import ConflictError, InputError, NotFoundError, ServerError
from lsr.index.filters.language import parse_filter


@pytest.fixture(scope="module")
def transport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppTransport]:
    with serving(tmp_path_factory.mktemp("root"), max_k=500) as transport:
        yield transport


@pytest.fixture
def client(transport: AppTransport) -> Iterator[Client]:
    client = Client(URL, transport=transport, retries=0)
    yield client
    for alias in client.aliases():
        client.drop_alias(alias)
    for each in client.collections():
        client.drop(each.name)


@pytest.fixture
def birds(client: Client) -> RemoteCollection:
    client.create("birds", model="bm25", schema={"year": "integer", "tags": "keyword[]"})
    birds = client.collection("birds")
    assert birds.add(BIRDS).created == 3
    return birds


def test_a_collection_is_made_written_to_searched_and_removed(client: Client) -> None:
    made = client.create("birds", model="bm25", schema={"year": "integer"}, language="english")
    assert (made.name, made.documents, made.model, made.fields) == ("birds", 0, "bm25", {"year": "integer"})
    birds = client.collection("birds")
    done = birds.add([Document("tern", "Terns migrate.", "The tern", {"year": 2020}), {"_id": "owl", "text": "Owls."}])
    assert (done.created, done.replaced, done.refused) == (2, 0, [])
    done = birds.add([{"_id": "owl", "text": "Owls hunt at night."}, {"_id": "x", "text": "x", "year": "none"}])
    assert (done.created, done.replaced) == (0, 1)
    assert [each.id for each in done.refused] == ["x"] and "year" in done.refused[0].reason
    assert birds.get("tern") == Document("tern", "Terns migrate.", "The tern", {"year": 2020})
    assert birds.get("none") is None
    assert [hit.id for hit in birds.search("night owls")] == ["owl"]
    assert (len(birds), birds.count(), bool(birds), "owl" in birds, "none" in birds) == (2, 2, True, True, False)
    assert birds.update_fields("tern", {"year": None, "seen": True}).fields == {"seen": True}
    gone = birds.delete(["owl", "none"])
    assert (gone.deleted, gone.missing) == (1, ["none"])
    assert birds.describe().documents == 1
    client.drop("birds")
    assert client.collections() == []


def test_an_answer_is_the_one_that_a_search_on_this_machine_gives(birds: RemoteCollection, tmp_path: Path) -> None:
    given = {"k": 2, "explain": True, "filter": "year >= 2020", "facets": "year, tags", "count": True}
    there = birds.search("where do terns migrate", **given)
    with Collection.create(tmp_path / "birds", model="bm25", schema={"year": "integer", "tags": "keyword[]"}) as local:
        local.add(BIRDS)
        here = local.search("where do terns migrate", **given)
    assert there.hits == here.hits and len(there) == 2
    assert (there.mode, there.stats, there.total, there.facets) == (here.mode, here.stats, here.total, here.facets)
    assert there.to_columns() == here.to_columns()
    assert {**there.to_record(), "timings": None} == {**here.to_record(), "timings": None}
    assert there.to_frame()["id"].tolist() == [hit.id for hit in here]


def test_pages_and_orders(birds: RemoteCollection) -> None:
    first = birds.search(k=2, sort="-year, _id")
    assert [hit.id for hit in first] == ["owl", "stork"]
    rest = birds.search(k=2, sort="-year, _id", search_after=first.hits[-1].sort)
    assert [hit.id for hit in rest] == ["tern"]
    assert [hit.id for hit in birds.search("migrate", k=1, offset=1)] == [birds.search("migrate").hits[1].id]
    assert birds.search("terns", include_text=False).hits[0].document.text == ""
    assert birds.search(vector={birds.search("terns", explain=True).hits[0].matches[0].term: 1.0}).hits[0].id == "tern"  # type: ignore[index]


def test_many_are_searched_together(birds: RemoteCollection) -> None:
    texts = ["owls", "storks", "terns"] * 30
    found = birds.search_many(texts, k=1)
    assert [each.hits[0].id for each in found] == ["owl", "stork", "tern"] * 30
    with pytest.raises(InputError, match="at most 500 hits") as wrong:
        birds.search_many(["owls"], k=501)
    assert wrong.value.field == "k"


def test_values_are_counted(birds: RemoteCollection) -> None:
    assert birds.count(filter="year = 2024") == 2
    assert birds.count(text="migrate", filter=parse_filter("year = 2024")) == 1
    assert birds.facets("tags:2, year", filter="year >= 2020") == birds.search(k=1, facets="tags:2, year").facets
    assert birds.facets(["tags"], text="owls")["tags"].missing == 1
    assert birds.stats()["documents"] == 3


def test_why_a_document_is_found(birds: RemoteCollection) -> None:
    why = birds.explain("where terns migrate", "tern")
    assert [match.contribution for match in why.matches] == sorted((m.contribution for m in why.matches), reverse=True)
    assert why.score == pytest.approx(sum(match.contribution for match in why.matches), rel=1e-6)
    with pytest.raises(NotFoundError):
        birds.explain("terns", "none")


def test_all_documents_are_read_in_pages(client: Client, birds: RemoteCollection) -> None:
    birds.add(numbered(230))
    found = [document.id for document in birds.scan()]
    assert len(found) == 233 and found == sorted(found)
    assert next(document for document in birds.scan() if document.id == "owl").title == "The owl"


def test_documents_are_deleted_by_a_filter(birds: RemoteCollection) -> None:
    assert birds.delete(filter=parse_filter("year < 2024")).deleted == 1
    done = birds.delete(["owl"], filter="year = 2024")
    assert (done.deleted, done.missing) == (2, [])
    assert len(birds) == 0
    assert birds.delete().deleted == 0


def test_names_and_ids_of_any_kind_are_reached(birds: RemoteCollection) -> None:
    ids = ["a/b", "..", ".", "ä ö?#%", "x\ny", "a%2Fb", "con:1"]
    assert birds.add({"_id": id, "text": "strange"} for id in ids).created == len(ids)
    assert [birds.get(id) is not None and birds.get(id).id for id in ids] == ids  # type: ignore[union-attr]
    assert birds.update_fields("a/b", {"year": 1}).fields == {"year": 1}
    with pytest.raises(InputError, match="half a character"):
        birds.get("\ud800")


def test_an_alias_stands_for_a_collection(client: Client, birds: RemoteCollection) -> None:
    client.alias("live", "birds")
    assert client.aliases() == {"live": "birds"}
    assert client.collection("live").search("owls").hits[0].id == "owl"
    with pytest.raises(ConflictError, match="live"):
        client.drop("birds")
    client.drop_alias("live")
    with pytest.raises(NotFoundError):
        client.collection("live").get("owl")


def test_the_only_collection_need_not_be_named(client: Client, birds: RemoteCollection) -> None:
    assert client.collection().search("owls").hits[0].id == "owl"
    client.create("more", model="bm25")
    with pytest.raises(InputError, match="there are birds, more"):
        client.collection().search("owls")


def test_the_server_says_what_is_wrong(client: Client, birds: RemoteCollection) -> None:
    with pytest.raises(InputError) as wrong:
        birds.search("owls", k=501)
    assert (wrong.value.field, wrong.value.reason) == ("k", "this server gives at most 500 hits, not 501")
    assert wrong.value.request_id and any(wrong.value.request_id in note for note in wrong.value.__notes__)
    with pytest.raises(InputError, match="yaer") as wrong:
        birds.search("owls", filter="yaer = 2020")
    assert wrong.value.field == "filter"
    with pytest.raises(InputError, match="did you mean heap_factor"):
        birds.search("owls", heap_facto=0.9)
    with pytest.raises(InputError, match="the plan already says"):
        from lsr import SearchPlan

        birds.search("owls", plan=SearchPlan(), mode="exact")
    with pytest.raises(NotFoundError, match="there is no collection 'brids'"):
        client.collection("brids").get("owl")
    with pytest.raises(NotFoundError):
        birds.update_fields("none", {"year": 1})
    with pytest.raises(ConflictError, match="choose another"):
        client.create("birds", model="bm25")
    with pytest.raises(InputError, match="not JSON"):
        birds.update_fields("owl", {"year": float("nan")})


def test_the_same_from_asyncio(transport: AppTransport, client: Client, birds: RemoteCollection) -> None:
    class Both(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await asyncio.to_thread(transport.handle_request, request)

    async def calls() -> None:
        async with AsyncClient(URL, collection="birds", transport=Both(), retries=0) as other:
            async_birds = other.collection()
            found = await async_birds.search("night owls", explain=True)
            assert found.hits == birds.search("night owls", explain=True).hits
            assert (await async_birds.add({"_id": "auk", "text": "Auks dive."})).created == 1
            assert [document.id async for document in async_birds.scan()] == ["auk", "owl", "stork", "tern"]
            assert await async_birds.get("auk") == birds.get("auk")
            assert await async_birds.count() == 4
            assert [each.name for each in await other.collections()] == ["birds"]
            both = await asyncio.gather(async_birds.search("auks"), async_birds.search("storks"))
            assert [each.hits[0].id for each in both] == ["auk", "stork"]
            with pytest.raises(NotFoundError):
                await other.collection("brids").count()

    asyncio.run(calls())


def test_where_the_server_is_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, transport: AppTransport
) -> None:
    monkeypatch.delenv("LSR_SERVER", raising=False)
    with pytest.raises(InputError, match="set LSR_SERVER"):
        Client()
    monkeypatch.setenv("LSR_SERVER", URL + "/")
    assert Client(transport=transport).collections() == []
    assert repr(Client("http://host/lsr/")) == "Client('http://host/lsr')"


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://host", "http://", "http://host:x", "http://host\x00", "http://host/?a=1"]
)
def test_an_address_is_an_address(url: str) -> None:
    with pytest.raises(InputError, match="such as http://localhost:8080"):
        Client(url)


@pytest.mark.parametrize("given", [{"key": "a\nb"}, {"key": "ä"}, {"timeout": 0}, {"timeout": float("nan")}])
def test_settings_that_make_no_sense_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Client(URL, **given)  # type: ignore[arg-type]


def test_a_server_that_is_not_there_is_told() -> None:
    said = r"cannot reach http://127.0.0.1:9 \(.*\); check that the server runs"
    with Client("http://127.0.0.1:9", retries=0) as client, pytest.raises(ServerError, match=said):
        client.collections()
