"""What all integrations are made of, which needs no other tool: places, metadata, filters, and packages that lack."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import new_folder

from lsr import Collection, Document
from lsr.core.errors import InputError, LsrError, MissingDependencyError, NotFoundError
from lsr.core.extras import needed
from lsr.index.filters.tree import Eq, Exists, Filter, Not
from lsr.integrations.conditions import fitted
from lsr.integrations.names import field_of, fields_of, key_of, metadata_of
from lsr.integrations.store import Store

MODULES = {
    "langchain": "langchain_core",
    "haystack": "haystack",
    "llama_index": "llama_index",
    "mteb": "mteb",
    "pyterrier": "pyterrier",
}


@pytest.mark.parametrize("name", MODULES)
def test_a_package_that_lacks_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = MODULES[name]
    for module in [*sys.modules]:
        if module.startswith(f"lsr.integrations.{name}"):
            monkeypatch.delitem(sys.modules, module)
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)

    class Lacking:
        def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
            if fullname.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)

    monkeypatch.setattr(sys, "meta_path", [Lacking(), *sys.meta_path])
    extra = name.replace("_", "-")
    with pytest.raises(MissingDependencyError, match=rf"is not installed: pip install 'lsr-engine\[{extra}\]'"):
        import_module(f"lsr.integrations.{name}")


def test_another_module_that_lacks_is_no_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), needed("x", "x", "x"):
        import_module("no_such_module")


@given(st.from_regex(r"\.{0,3}(_id|id|title|text|_extras|texts)", fullmatch=True))
def test_names_of_fields_are_told_apart(key: str) -> None:
    assert key_of(field_of(key)) == key
    assert field_of(key) not in ("_id", "title", "text", "_extras")
    assert metadata_of(Document("1", "a", fields=fields_of({key: 1}, {"b": 2}))) == {key: 1}


def test_filters_are_held_to_the_fields_that_there_are() -> None:
    known = {"year", ".title"}
    for text, expected in {
        "no = 1": False,
        "not no = 1": True,
        "exists(no)": False,
        "no = 1 and year = 2": False,
        "no = 1 or year = 2": Eq("year", 2),
        "not no = 1 and year = 2": Eq("year", 2),
        "not no = 1 or year = 2": True,
        "not (no = 1 or year = 2)": Not(Eq("year", 2)),
        'title = "a"': Eq(".title", "a"),
        "exists(_id)": Exists("_id"),
        "": True,
    }.items():
        found = fitted(text, known)
        assert found == expected and isinstance(found, Filter | bool), text


def test_a_store_is_a_collection_wherever_it_is(either: str) -> None:
    with Store(either) as store:
        documents = [Document(f"d{number:04}", "bird", fields={"even": number % 2 == 0}) for number in range(2050)]
        assert store.add(documents) == 2050
        # More than one page, and more than one request of ids.
        assert [*store.matching()] == documents
        assert store.count() == 2050 and store.count("even = true") == 1025 and store.count("no = 1") == 0
        assert store.types() == {"even": "boolean"}
        assert store.delete_where("no = 1") == 0 and store.delete_where("even = true") == 1025
        assert store.delete(["d0000", "d0001"]) == 1
        near = store.nearest("bird", 1000)
        assert len(near) == 1000 and all(score > 0 for _, score in near)
        assert store.delete_where(None) == 1024 and store.nearest("bird", 5) == []


def test_a_collection_at_a_server_is_made_if_there_is_none(server: str) -> None:
    with pytest.raises(NotFoundError):
        Store(f"{server}/made-by-store", read_only=True)
    with Store(f"{server}/made-by-store/", model="bm25") as store:
        store.add([Document("a", "bird")])
    with Store(f"{server}/made-by-store", read_only=True) as again:
        assert again.count() == 1
    from lsr.client import Client

    with Client(server) as client:
        client.drop("made-by-store")


def test_a_folder_is_made_read_and_locked(empty: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "new", model="bm25") as store:
        store.add([Document("a", "bird", "title"), Document("b", "word " * 10)])
        with pytest.raises(LsrError, match="writ"):
            Store(tmp_path / "new")
        with Store(tmp_path / "new", read_only=True) as reader:
            assert reader.count() == 2 and reader.count('_id = "a"') == 1
            assert [hit.id for hit in reader.search("bird", 5)] == ["a"]
            assert metadata_of(reader.get(["none", "a"])[0]) == {"title": "title"}
            store.add([Document("c", "more birds")])
    with Collection.open(new_folder(empty, tmp_path)) as collection:
        Store(collection).add([Document("a", "bird")])
        with pytest.raises(InputError, match="filter"):
            Store(collection).search("bird", 1, "year >=")
        assert Store(collection).search("bird", 0) == []
